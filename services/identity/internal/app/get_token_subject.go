package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
)

// GetTokenSubject reads what an access token says about a user and notes that
// the user is active. It fails with USER_NOT_FOUND.
func (a *App) GetTokenSubject(ctx context.Context, tenant ids.Tenant, userID string) (*TokenSubject, error) {
	user, configVersion, err := a.store.RecordActivity(ctx, tenant, userID)
	if err != nil {
		return nil, err
	}
	if user == nil {
		return nil, apierr.UserNotFound()
	}
	config, err := a.configs.Get(ctx, tenant, configVersion)
	if err != nil {
		return nil, err
	}
	return &TokenSubject{
		User:             *user,
		RestrictedReason: user.RestrictedReason(config.Onboarding.RequireEmailVerification),
	}, nil
}
