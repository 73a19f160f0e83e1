package clients

import (
	"context"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/userpb"
)

// Sessions implements app.Sessions.
type Sessions struct {
	rpc sessionsv1.SessionInternalServiceClient
}

// NewSessions returns the sessions context behind conn.
func NewSessions(conn grpc.ClientConnInterface) *Sessions {
	return &Sessions{rpc: sessionsv1.NewSessionInternalServiceClient(conn)}
}

// CreateSession implements app.Sessions.
func (s *Sessions) CreateSession(ctx context.Context, subject app.TokenSubject) (app.Tokens, error) {
	res, err := s.rpc.CreateSession(ctx, &sessionsv1.CreateSessionRequest{
		ProjectId: subject.User.ProjectID,
		BranchId:  subject.User.BranchID,
		Subject:   userpb.TokenSubject(subject),
	})
	if err != nil {
		return app.Tokens{}, err
	}
	return app.Tokens{
		AccessToken:  secret.Secret(res.GetAccessToken()),
		RefreshToken: secret.Secret(res.GetRefreshToken()),
	}, nil
}

// RevokeSessions implements app.Sessions.
func (s *Sessions) RevokeSessions(ctx context.Context, tenant ids.Tenant, userID, keptSessionID string, reason app.RevocationReason) error {
	_, err := s.rpc.RevokeUserSessions(ctx, &sessionsv1.RevokeUserSessionsRequest{
		ProjectId:     tenant.ProjectID,
		BranchId:      tenant.BranchID,
		UserId:        userID,
		KeptSessionId: keptSessionID,
		Reason:        string(reason),
	})
	return err
}

// FindSession implements app.Sessions.
func (s *Sessions) FindSession(ctx context.Context, tenant ids.Tenant, userID string, refreshToken secret.Secret) (string, error) {
	res, err := s.rpc.LookUpSession(ctx, &sessionsv1.LookUpSessionRequest{
		ProjectId:    tenant.ProjectID,
		BranchId:     tenant.BranchID,
		UserId:       userID,
		RefreshToken: refreshToken.Reveal(),
	})
	return res.GetSessionId(), err
}
