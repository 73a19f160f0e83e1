package app

import (
	"context"
	"errors"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/sessions/internal/domain"
)

// CrossDomain asks to hand the caller's session over to another domain of
// their app.
type CrossDomain struct {
	// PublishableClientKey is empty when none was sent.
	PublishableClientKey string
	// RefreshToken is that of the session; empty when none was sent.
	RefreshToken string
	RedirectURI  string
	State        string
	Challenge    domain.CodeChallenge
	// AfterCallback is nil when there is none.
	AfterCallback *string
}

// AuthorizeCrossDomain makes an authorization code for the caller's own session
// and returns the redirect that takes it to the other domain (auth.md §9.6).
func (a *App) AuthorizeCrossDomain(ctx context.Context, caller principal.Principal, in CrossDomain) (redirectURL string, err error) {
	tenant := tenantOf(caller)
	deleted, err := a.signedInDeleted(ctx, caller)
	switch {
	case err != nil:
		return "", err
	case !caller.SignedIn() || deleted:
		return "", apierr.UserAuthenticationRequired()
	case caller.SessionID == "":
		return "", apierr.Text(http.StatusBadRequest, "The access token names no session.")
	case in.RefreshToken == "":
		return "", apierr.Text(http.StatusBadRequest, "The refresh token of the session is missing.")
	}
	if err := a.ownsSession(ctx, tenant, caller, in.RefreshToken); err != nil {
		return "", err
	}
	if err := a.checkPublishableKey(ctx, tenant, in.PublishableClientKey); err != nil {
		return "", err
	}
	config, err := a.Configs.Get(ctx, tenant, caller.ConfigVersion)
	if err != nil {
		return "", err
	}
	urls := []string{in.RedirectURI}
	if in.AfterCallback != nil {
		urls = append(urls, *in.AfterCallback)
	}
	for _, url := range urls {
		if !config.TrustedURL(url, true) {
			return "", apierr.RedirectURLNotWhitelisted(url)
		}
	}
	code, err := a.CreateAuthorizationCode(ctx, domain.AuthorizationCode{
		Tenant:        tenant,
		UserID:        caller.UserID,
		RedirectURI:   in.RedirectURI,
		Challenge:     in.Challenge,
		AfterCallback: in.AfterCallback,
		HandedOver:    &domain.HandedOverSession{SessionID: caller.SessionID, RefreshToken: in.RefreshToken},
	})
	switch {
	case errors.Is(err, apierr.UserNotFound()):
		return "", apierr.UserAuthenticationRequired().WithCause(err)
	case err != nil:
		return "", err
	}
	return domain.AddQuery(in.RedirectURI, map[string]string{"code": code, "state": in.State})
}

// ownsSession checks that the refresh token is that of the caller's unexpired
// session.
func (a *App) ownsSession(ctx context.Context, tenant ids.Tenant, caller principal.Principal, refreshToken string) error {
	sessionID, err := a.LookUpSession(ctx, tenant, caller.UserID, refreshToken)
	if err == nil && sessionID != caller.SessionID {
		return apierr.Text(http.StatusUnauthorized, "The refresh token is not the one of the signed-in session.")
	}
	return err
}

// checkPublishableKey checks the key that the request would have for client
// access, which may have been another.
func (a *App) checkPublishableKey(ctx context.Context, tenant ids.Tenant, key string) error {
	project, err := a.Projects.Project(ctx, tenant.ProjectID)
	switch {
	case err != nil:
		return err
	case project == nil:
		return apierr.CurrentProjectNotFound(tenant.ProjectID)
	case key == "" || key == domain.PublicClientSecret:
		if project.RequirePublishableClientKey {
			return apierr.PublishableClientKeyRequiredForProject(project.ID)
		}
	case !project.AcceptsKey(key, a.Clock.Now()):
		return apierr.InvalidPublishableClientKey(project.ID)
	}
	return nil
}
