package grpcapi

import (
	"context"

	"vestibule.dev/pkg/ids"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
	"vestibule.dev/services/sessions/internal/identitypb"
)

// Internal implements sessionsv1.SessionInternalServiceServer,
// sessionsv1.AuthorizationCodeInternalServiceServer and
// sessionsv1.TokenInternalServiceServer.
type Internal struct {
	sessionsv1.UnimplementedAuthorizationCodeInternalServiceServer
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

// CreateAuthorizationCode implements
// sessionsv1.AuthorizationCodeInternalServiceServer.
func (s *Internal) CreateAuthorizationCode(ctx context.Context, req *sessionsv1.CreateAuthorizationCodeRequest) (*sessionsv1.CreateAuthorizationCodeResponse, error) {
	code := domain.AuthorizationCode{
		Tenant:      ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()},
		UserID:      req.GetUserId(),
		RedirectURI: req.GetRedirectUri(),
		Challenge:   domain.CodeChallenge{Text: req.GetCodeChallenge(), Method: req.GetCodeChallengeMethod()},
		IsNewUser:   req.GetIsNewUser(),
	}
	if after := req.GetAfterCallbackRedirectUrl(); after != "" {
		code.AfterCallback = &after
	}
	text, err := s.app.CreateAuthorizationCode(ctx, code)
	if err != nil {
		return nil, err
	}
	return &sessionsv1.CreateAuthorizationCodeResponse{Code: text}, nil
}

// VerifyAccessToken implements sessionsv1.TokenInternalServiceServer.
func (s *Internal) VerifyAccessToken(ctx context.Context, req *sessionsv1.VerifyAccessTokenRequest) (*sessionsv1.VerifyAccessTokenResponse, error) {
	token, err := s.app.VerifyAccessToken(ctx, req.GetAccessToken())
	if err != nil {
		return nil, err
	}
	return &sessionsv1.VerifyAccessTokenResponse{
		ProjectId:   token.ProjectID,
		BranchId:    token.BranchID,
		UserId:      token.UserID,
		SessionId:   token.SessionID,
		IsAnonymous: token.Anonymous,
	}, nil
}
