package app

import (
	"context"

	"vestibule.dev/pkg/ids"
)

// GetSignInSubject is GetTokenSubject for a user who proved their first factor
// in an earlier request and is about to get a session elsewhere: it asks for
// the second factor as signIn does. It fails with USER_NOT_FOUND or
// MULTI_FACTOR_AUTHENTICATION_REQUIRED.
func (a *App) GetSignInSubject(ctx context.Context, tenant ids.Tenant, userID string) (*TokenSubject, error) {
	subject, err := a.GetTokenSubject(ctx, tenant, userID)
	if err != nil {
		return nil, err
	}
	if err := a.checkSecondFactor(ctx, arrival{user: &subject.User}); err != nil {
		return nil, err
	}
	return subject, nil
}
