package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
)

// DeleteCurrentSession signs the caller out. Without an access token it fails
// with ACCESS_TOKEN_EXPIRED as of now, which SDKs rely on (auth.md §7).
func (a *App) DeleteCurrentSession(ctx context.Context, caller principal.Principal) error {
	if !caller.SignedIn() {
		return apierr.AccessTokenExpired(apierr.ExpiredToken{ExpiredAt: a.Clock.Now()})
	}
	deleted, err := a.deleteSession(ctx, caller, caller.SessionID, caller.UserID, SignedOut)
	if err == nil && !deleted {
		err = apierr.RefreshTokenNotFoundOrExpired()
	}
	return err
}
