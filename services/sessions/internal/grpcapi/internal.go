package grpcapi

import (
	"context"

	"vestibule.dev/pkg/ids"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/identitypb"
)

// Internal implements sessionsv1.SessionInternalServiceServer and
// sessionsv1.TokenInternalServiceServer.
type Internal struct {
	sessionsv1.UnimplementedSessionInternalServiceServer
	sessionsv1.UnimplementedTokenInternalServiceServer
	app *app.App
}

// NewInternal returns the internal services over the use cases.
func NewInternal(application *app.App) *Internal {
	return &Internal{app: application}
}

// CreateSession implements sessionsv1.SessionInternalServiceServer.
func (s *Internal) CreateSession(ctx context.Context, req *sessionsv1.CreateSessionRequest) (*sessionsv1.CreateSessionResponse, error) {
	opened, err := s.app.CreateSession(ctx, app.SessionRequest{
		Tenant:          ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()},
		Subject:         identitypb.Subject(req.GetSubject()),
		Lifetime:        req.GetExpiresIn().AsDuration(),
		IsImpersonation: req.GetIsImpersonation(),
	})
	if err != nil {
		return nil, err
	}
	return &sessionsv1.CreateSessionResponse{
		SessionId:    opened.SessionID,
		RefreshToken: opened.RefreshToken,
		AccessToken:  opened.AccessToken,
	}, nil
}

// RevokeUserSessions implements sessionsv1.SessionInternalServiceServer.
func (s *Internal) RevokeUserSessions(ctx context.Context, req *sessionsv1.RevokeUserSessionsRequest) (*sessionsv1.RevokeUserSessionsResponse, error) {
	revoked, err := s.app.RevokeUserSessions(ctx, app.Revocation{
		Tenant:        ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()},
		UserID:        req.GetUserId(),
		KeptSessionID: req.GetKeptSessionId(),
		Reason:        app.RevocationReason(req.GetReason()),
	})
	if err != nil {
		return nil, err
	}
	return &sessionsv1.RevokeUserSessionsResponse{Revoked: int32(revoked)}, nil
}

// LookUpSession implements sessionsv1.SessionInternalServiceServer.
func (s *Internal) LookUpSession(ctx context.Context, req *sessionsv1.LookUpSessionRequest) (*sessionsv1.LookUpSessionResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	sessionID, err := s.app.LookUpSession(ctx, tenant, req.GetUserId(), req.GetRefreshToken())
	if err != nil {
		return nil, err
	}
	return &sessionsv1.LookUpSessionResponse{SessionId: sessionID}, nil
}

// GetVerificationKeys implements sessionsv1.TokenInternalServiceServer.
func (s *Internal) GetVerificationKeys(ctx context.Context, req *sessionsv1.GetVerificationKeysRequest) (*sessionsv1.GetVerificationKeysResponse, error) {
	keys, err := s.app.GetVerificationKeys(ctx, req.GetAudience())
	if err != nil {
		return nil, err
	}
	return &sessionsv1.GetVerificationKeysResponse{Keys: toJWKs(keys)}, nil
}
