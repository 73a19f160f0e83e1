package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/principal"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
)

// Response metadata that the gateway turns into headers.
const (
	headerCacheControl = "vestibule-cache-control"
	headerPragma       = "vestibule-pragma"
)

// Tokens implements sessionsv1.TokenServiceServer.
type Tokens struct {
	sessionsv1.UnimplementedTokenServiceServer
	app *app.App
}

// NewTokens returns the token service over the use cases.
func NewTokens(application *app.App) *Tokens {
	return &Tokens{app: application}
}

// ExchangeToken implements sessionsv1.TokenServiceServer.
func (s *Tokens) ExchangeToken(ctx context.Context, req *sessionsv1.ExchangeTokenRequest) (*sessionsv1.ExchangeTokenResponse, error) {
	granted, err := s.app.ExchangeToken(ctx, app.TokenRequest{
		GrantType:    req.GetGrantType(),
		ClientID:     req.GetClientId(),
		ClientSecret: req.GetClientSecret(),
		RefreshToken: req.GetRefreshToken(),
		Code:         req.GetCode(),
		RedirectURI:  req.GetRedirectUri(),
		CodeVerifier: req.GetCodeVerifier(),
	})
	if err != nil {
		return nil, err
	}
	grpcx.SetHeader(ctx, headerCacheControl, "no-store")
	grpcx.SetHeader(ctx, headerPragma, "no-cache")
	res := &sessionsv1.ExchangeTokenResponse{
		AccessToken: granted.AccessToken,
		TokenType:   "Bearer",
		ExpiresIn:   int32(granted.Lifetime.Seconds()),
		Scope:       "legacy",
	}
	if signIn := granted.SignIn; signIn != nil {
		res.OptionalRefreshToken = &sessionsv1.ExchangeTokenResponse_RefreshToken{RefreshToken: signIn.RefreshToken}
		res.OptionalIsNewUser = &sessionsv1.ExchangeTokenResponse_IsNewUser{IsNewUser: signIn.IsNewUser}
		res.OptionalNewUser = &sessionsv1.ExchangeTokenResponse_NewUser{NewUser: signIn.IsNewUser}
		if signIn.AfterCallback != nil {
			res.AfterCallbackRedirectUrl = wrapperspb.String(*signIn.AfterCallback)
			res.AfterCallbackRedirectUrl_ = wrapperspb.String(*signIn.AfterCallback)
		}
	}
	return res, nil
}

// AuthorizeCrossDomain implements sessionsv1.TokenServiceServer.
func (s *Tokens) AuthorizeCrossDomain(ctx context.Context, req *sessionsv1.AuthorizeCrossDomainRequest) (*sessionsv1.AuthorizeCrossDomainResponse, error) {
	caller, _ := principal.FromContext(ctx)
	redirectURL, err := s.app.AuthorizeCrossDomain(ctx, caller, app.CrossDomain{
		PublishableClientKey: req.GetPublishableClientKey(),
		RefreshToken:         req.GetRefreshToken(),
		RedirectURI:          req.GetRedirectUri(),
		State:                req.GetState(),
		Challenge:            domain.CodeChallenge{Text: req.GetCodeChallenge(), Method: domain.ChallengeS256},
		AfterCallback:        req.AfterCallbackRedirectUrl,
	})
	if err != nil {
		return nil, err
	}
	return &sessionsv1.AuthorizeCrossDomainResponse{RedirectUrl: redirectURL}, nil
}

// GetJwks implements sessionsv1.TokenServiceServer.
func (s *Tokens) GetJwks(ctx context.Context, req *sessionsv1.GetJwksRequest) (*sessionsv1.GetJwksResponse, error) {
	kinds := []domain.Kind{domain.Ordinary}
	if req.GetIncludeRestricted() || req.GetIncludeAnonymous() {
		kinds = append(kinds, domain.Restricted)
	}
	if req.GetIncludeAnonymous() {
		kinds = append(kinds, domain.Anonymous)
	}
	keys, err := s.app.GetJWKS(ctx, req.GetProjectId(), kinds...)
	if err != nil {
		return nil, err
	}
	grpcx.SetHeader(ctx, headerCacheControl, "public, max-age=3600")
	return &sessionsv1.GetJwksResponse{Keys: toJWKs(keys)}, nil
}
