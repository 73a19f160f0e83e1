package grpcapi

import (
	"context"
	"net/http"
	"strconv"

	"google.golang.org/genproto/googleapis/api/httpbody"

	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/secret"
	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
)

// Response metadata that the gateway turns into headers.
const (
	headerLocation  = "vestibule-location"
	headerSetCookie = "vestibule-set-cookie"
)

// bindingSeconds is how long a browser is known again (auth.md §9.2).
const bindingSeconds = 600

// OAuth implements identityv1.OAuthServiceServer.
type OAuth struct {
	identityv1.UnimplementedOAuthServiceServer
	app *app.App
}

// AuthorizeOAuth implements identityv1.OAuthServiceServer. The parameters of
// bot challenges are checked by their rules and have no further effect: no
// challenge is configured (auth.md §4.4).
func (s *OAuth) AuthorizeOAuth(ctx context.Context, req *identityv1.AuthorizeOAuthRequest) (*identityv1.AuthorizeOAuthResponse, error) {
	mode := req.GetStackResponseMode()
	if req.HexclaveResponseMode != nil {
		mode = req.GetHexclaveResponseMode()
	}
	errorPage := req.GetErrorRedirectUrl()
	if req.ErrorRedirectUri != nil {
		errorPage = req.GetErrorRedirectUri()
	}
	what := app.OAuthAuthenticate
	if req.GetType() == string(app.OAuthLink) {
		what = app.OAuthLink
	}
	departure, err := s.app.AuthorizeOAuth(ctx, app.OAuthAuthorization{
		ProviderID:               req.GetProviderId(),
		ClientID:                 req.GetClientId(),
		ClientSecret:             req.GetClientSecret(),
		Type:                     what,
		RedirectURI:              req.GetRedirectUri(),
		Scope:                    req.GetScope(),
		State:                    req.GetState(),
		CodeChallenge:            req.GetCodeChallenge(),
		CodeChallengeMethod:      req.GetCodeChallengeMethod(),
		AccessToken:              req.GetToken(),
		ProviderScope:            req.GetProviderScope(),
		ErrorRedirectURL:         errorPage,
		AfterCallbackRedirectURL: req.GetAfterCallbackRedirectUrl(),
		BindsBrowser:             mode != "json",
		Challenge:                botChallenge(req),
	})
	if err != nil {
		return nil, err
	}
	if departure.Binding != nil {
		setCookie(ctx, departure.Binding, bindingSeconds)
		redirect(ctx, http.StatusTemporaryRedirect, departure.Location)
	}
	return &identityv1.AuthorizeOAuthResponse{Location: departure.Location}, nil
}

// CompleteOAuth implements identityv1.OAuthServiceServer.
func (s *OAuth) CompleteOAuth(ctx context.Context, req *identityv1.CompleteOAuthRequest) (*httpbody.HttpBody, error) {
	arrival, err := s.app.CompleteOAuth(ctx, app.OAuthReturn{
		ProviderID: req.GetProviderId(),
		State:      req.GetState(),
		Code:       req.GetCode(),
		Error:      req.GetError(),
		Issuer:     req.GetIss(),
		User:       req.GetUser(),
		Cookies:    req.GetCookies(),
	})
	status := http.StatusSeeOther
	if arrival.IsError {
		status = http.StatusTemporaryRedirect
	}
	if binding := arrival.Binding; binding != nil {
		setCookie(ctx, binding, -1)
		if binding.ComesByPost {
			// The app is not to get what the provider has posted here.
			status = http.StatusSeeOther
		}
	}
	if err != nil {
		return nil, err
	}
	redirect(ctx, status, arrival.Location)
	return &httpbody.HttpBody{}, nil
}

// SignInWithApple implements identityv1.OAuthServiceServer.
func (s *OAuth) SignInWithApple(ctx context.Context, req *identityv1.SignInWithAppleRequest) (*typesv1.SignedIn, error) {
	signedIn, err := s.app.SignInWithApple(ctx, secret.Secret(req.GetIdToken()))
	if err != nil {
		return nil, err
	}
	return signedInMessage(signedIn), nil
}

func redirect(ctx context.Context, status int, location string) {
	grpcx.SetHeader(ctx, grpcx.HeaderHTTPStatus, strconv.Itoa(status))
	grpcx.SetHeader(ctx, headerLocation, location)
}

// setCookie sets the cookie of a binding, or deletes it when seconds are
// negative. A browser that comes back with a POST from another site sends only
// cookies that say they are for that, which browsers accept by https alone.
func setCookie(ctx context.Context, binding *app.BrowserBinding, seconds int) {
	cookie := &http.Cookie{
		Name: app.BindingCookie(binding.State), Value: "true", Path: "/", MaxAge: seconds, HttpOnly: true, Secure: binding.Secure,
	}
	switch {
	case !binding.ComesByPost:
		cookie.SameSite = http.SameSiteLaxMode
	case binding.Secure:
		cookie.SameSite = http.SameSiteNoneMode
	}
	grpcx.SetHeader(ctx, headerSetCookie, cookie.String())
}
