package app

import (
	"context"
	"errors"
	"net/http"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/domain"
)

// CLILoginRequest asks for a log-in of a command-line program.
type CLILoginRequest struct {
	Tenant ids.Tenant
	// Lifetime is the setting of the installation when nil. Without time left
	// the log-in has expired from the beginning.
	Lifetime *time.Duration
	// AnonymousToken is nil, or the refresh token of the anonymous user that the
	// program has been.
	AnonymousToken *string
}

// BegunCLILogin is what the program is given.
type BegunCLILogin struct {
	// PollingCode is the program's secret; LoginCode is for the browser.
	PollingCode, LoginCode string
	ExpiresAt              time.Time
}

// BeginCLILogin begins a log-in of a command-line program (auth.md §8.1).
func (a *App) BeginCLILogin(ctx context.Context, request CLILoginRequest) (BegunCLILogin, error) {
	login := NewCLILogin{
		Tenant:      request.Tenant,
		ID:          ids.NewUUID(),
		PollingCode: ids.Secret(),
		LoginCode:   ids.Secret(),
		Lifetime:    a.settings.CLILoginLifetime,
	}
	if request.Lifetime != nil {
		login.Lifetime = *request.Lifetime
	}
	if request.AnonymousToken != nil {
		login.AnonymousToken = *request.AnonymousToken
		_, ok, err := a.anonymousSession(ctx, request.Tenant, login.AnonymousToken)
		if err != nil {
			return BegunCLILogin{}, err
		}
		if !ok {
			return BegunCLILogin{}, apierr.Text(http.StatusBadRequest, "The anonymous refresh token is not that of a session of an anonymous user.")
		}
	}
	expiresAt, created, err := a.Store.CreateCLILogin(ctx, login)
	if err != nil {
		return BegunCLILogin{}, err
	}
	if !created {
		return BegunCLILogin{}, apierr.CurrentProjectNotFound(request.Tenant.ProjectID)
	}
	return BegunCLILogin{PollingCode: login.PollingCode, LoginCode: login.LoginCode, ExpiresAt: expiresAt}, nil
}

// anonymousTokens is an anonymous user's session and who they are.
type anonymousTokens struct {
	session UsedSession
	subject domain.Subject
}

// anonymousSession reads the unexpired session of a refresh token; ok is false
// when there is none, or when its user is gone or not anonymous.
func (a *App) anonymousSession(ctx context.Context, tenant ids.Tenant, refreshToken string) (found anonymousTokens, ok bool, err error) {
	if !ids.ValidSecret(refreshToken) {
		return anonymousTokens{}, false, nil
	}
	found.session, ok, err = a.Store.SessionOfToken(ctx, tenant, refreshToken)
	if err != nil || !ok {
		return anonymousTokens{}, false, err
	}
	found.subject, err = a.Users.TokenSubject(ctx, tenant, found.session.UserID)
	if errors.Is(err, apierr.UserNotFound()) {
		return anonymousTokens{}, false, nil
	}
	return found, found.subject.Anonymous, err
}
