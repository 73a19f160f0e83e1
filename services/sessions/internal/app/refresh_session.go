package app

import (
	"context"
	"errors"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
)

// RefreshSession mints an access token for the session of a refresh token
// (auth.md §2.5). The refresh token stays the same, so parallel refreshes all
// succeed. It costs one statement here, one call and one signature. It fails
// with REFRESH_TOKEN_NOT_FOUND_OR_EXPIRED, also when the session or its user
// vanish meanwhile.
func (a *App) RefreshSession(ctx context.Context, tenant ids.Tenant, refreshToken string) (accessToken string, err error) {
	if !ids.ValidSecret(refreshToken) {
		return "", apierr.RefreshTokenNotFoundOrExpired()
	}
	session, found, err := a.Store.TouchSession(ctx, tenant, refreshToken, clientIPInfo(ctx))
	if err != nil {
		return "", err
	}
	if !found {
		return "", apierr.RefreshTokenNotFoundOrExpired()
	}
	subject, err := a.Users.TokenSubject(ctx, tenant, session.UserID)
	if errors.Is(err, apierr.UserNotFound()) {
		return "", apierr.RefreshTokenNotFoundOrExpired().WithCause(err)
	}
	if err != nil {
		return "", err
	}
	return a.mint(ctx, tenant, session.ID, subject)
}
