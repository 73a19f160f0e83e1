package clients

import (
	"context"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	"vestibule.dev/services/identity/internal/app"
)

// Tokens implements app.AuthorizationCodes and app.AccessTokens over sessions.
type Tokens struct {
	codes  sessionsv1.AuthorizationCodeInternalServiceClient
	tokens sessionsv1.TokenInternalServiceClient
}

// NewTokens returns the sessions context behind conn.
func NewTokens(conn grpc.ClientConnInterface) *Tokens {
	return &Tokens{
		codes:  sessionsv1.NewAuthorizationCodeInternalServiceClient(conn),
		tokens: sessionsv1.NewTokenInternalServiceClient(conn),
	}
}

// CreateAuthorizationCode implements app.AuthorizationCodes.
func (t *Tokens) CreateAuthorizationCode(ctx context.Context, code app.AuthorizationCode) (string, error) {
	res, err := t.codes.CreateAuthorizationCode(ctx, &sessionsv1.CreateAuthorizationCodeRequest{
		ProjectId:                code.Tenant.ProjectID,
		BranchId:                 code.Tenant.BranchID,
		UserId:                   code.UserID,
		RedirectUri:              code.RedirectURI,
		CodeChallenge:            code.CodeChallenge,
		CodeChallengeMethod:      code.CodeChallengeMethod,
		IsNewUser:                code.IsNewUser,
		AfterCallbackRedirectUrl: code.AfterCallbackRedirectURL,
	})
	return res.GetCode(), err
}

// VerifyAccessToken implements app.AccessTokens.
func (t *Tokens) VerifyAccessToken(ctx context.Context, token secret.Secret) (*app.TokenUser, error) {
	res, err := t.tokens.VerifyAccessToken(ctx, &sessionsv1.VerifyAccessTokenRequest{AccessToken: token.Reveal()})
	if err != nil {
		return nil, err
	}
	return &app.TokenUser{
		Tenant:      ids.Tenant{ProjectID: res.GetProjectId(), BranchID: res.GetBranchId()},
		UserID:      res.GetUserId(),
		SessionID:   res.GetSessionId(),
		IsAnonymous: res.GetIsAnonymous(),
	}, nil
}
