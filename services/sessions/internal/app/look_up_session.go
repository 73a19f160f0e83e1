package app

import (
	"context"

	"vestibule.dev/pkg/ids"
)

// LookUpSession reads which of the user's sessions a refresh token belongs to;
// "" when the token is unknown, expired or another user's.
func (a *App) LookUpSession(ctx context.Context, tenant ids.Tenant, userID, refreshToken string) (sessionID string, err error) {
	if !ids.ValidSecret(refreshToken) {
		return "", nil
	}
	return a.Store.SessionIDOfToken(ctx, tenant, userID, refreshToken)
}
