package grpcapi

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	"vestibule.dev/services/sessions/internal/app"
)

// OpenSession implements sessionsv1.SessionServiceServer.
func (s *Sessions) OpenSession(ctx context.Context, req *sessionsv1.OpenSessionRequest) (*sessionsv1.OpenSessionResponse, error) {
	caller, _ := principal.FromContext(ctx)
	opening := app.SessionOpening{
		Tenant:          ids.Tenant{ProjectID: caller.ProjectID, BranchID: caller.BranchID},
		UserID:          req.GetUserId(),
		IsImpersonation: req.GetIsImpersonation(),
	}
	if req.ExpiresInMillis != nil {
		opening.Lifetime = new(millis(req.GetExpiresInMillis()))
	}
	opened, err := s.app.OpenSession(ctx, opening)
	if err != nil {
		return nil, err
	}
	return &sessionsv1.OpenSessionResponse{AccessToken: opened.AccessToken, RefreshToken: opened.RefreshToken}, nil
}

// millis reads a number of milliseconds. Negative ones, of which there are more
// than a duration can count, are all alike.
func millis(count float64) time.Duration {
	return time.Duration(max(count, 0) * float64(time.Millisecond))
}
