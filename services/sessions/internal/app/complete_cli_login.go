package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
)

// AnonymousTokens are what a browser is given to go on as the anonymous user
// that a program has been.
type AnonymousTokens struct{ AccessToken, RefreshToken string }

// CheckCLILogin tells the browser whether the program has been an anonymous user
// whose session it may claim (auth.md §8.3, mode check).
func (a *App) CheckCLILogin(ctx context.Context, tenant ids.Tenant, loginCode string) (anonymous bool, err error) {
	login, err := a.openCLILogin(ctx, tenant, loginCode)
	if err != nil || login.AnonymousToken == "" {
		return false, err
	}
	_, anonymous, err = a.anonymousSession(ctx, tenant, login.AnonymousToken)
	return anonymous, err
}

// ClaimCLILogin hands the anonymous session of a program to the browser, once;
// the log-in stays open (auth.md §8.3, mode claim-anon-session).
func (a *App) ClaimCLILogin(ctx context.Context, tenant ids.Tenant, loginCode string) (AnonymousTokens, error) {
	refused := apierr.Text(http.StatusBadRequest, "There is no anonymous session to claim.")
	login, err := a.openCLILogin(ctx, tenant, loginCode)
	if err != nil {
		return AnonymousTokens{}, err
	}
	found, ok, err := a.anonymousSession(ctx, tenant, login.AnonymousToken)
	if err != nil {
		return AnonymousTokens{}, err
	}
	if !ok {
		return AnonymousTokens{}, refused
	}
	// Signed first, so that the session is only taken when it can be handed out.
	token, err := a.mint(ctx, tenant, found.session.ID, found.subject)
	if err != nil {
		return AnonymousTokens{}, err
	}
	first, err := a.Store.ClaimCLILogin(ctx, tenant, login.ID)
	if err != nil {
		return AnonymousTokens{}, err
	}
	if !first {
		return AnonymousTokens{}, refused
	}
	return AnonymousTokens{AccessToken: token, RefreshToken: login.AnonymousToken}, nil
}

// CompleteCLILogin hands the session of a refresh token to the program: both
// share it from then on (auth.md §8.3, mode complete). The anonymous user that
// the program has been is never merged into the browser's.
func (a *App) CompleteCLILogin(ctx context.Context, tenant ids.Tenant, loginCode, refreshToken string) error {
	refused := apierr.Text(http.StatusBadRequest, "The refresh token is not that of a session.")
	login, err := a.openCLILogin(ctx, tenant, loginCode)
	if err != nil {
		return err
	}
	if !ids.ValidSecret(refreshToken) {
		return refused
	}
	completed, err := a.Store.CompleteCLILogin(ctx, tenant, login.ID, refreshToken)
	if err != nil || completed {
		return err
	}
	// Refused for the token, unless another was first.
	if _, err := a.openCLILogin(ctx, tenant, loginCode); err != nil {
		return err
	}
	return refused
}

// openCLILogin reads the log-in of a login code that waits for its completion.
func (a *App) openCLILogin(ctx context.Context, tenant ids.Tenant, loginCode string) (*OpenCLILogin, error) {
	login, err := a.Store.OpenCLILogin(ctx, tenant, loginCode)
	if err == nil && login == nil {
		err = apierr.Text(http.StatusBadRequest, "The login code is unknown, used or expired.")
	}
	return login, err
}
