package app

import (
	"context"

	"vestibule.dev/pkg/ids"
)

// GetSignInSubject is GetTokenSubject for a user who proved their first factor
// in an earlier request and is about to get a session elsewhere, in exchange for
// the code: it does what was left until then, and asks for the second factor as
// signIn does. It fails with USER_NOT_FOUND, MULTI_FACTOR_AUTHENTICATION_REQUIRED
// or as [App.settleOAuth] does.
func (a *App) GetSignInSubject(ctx context.Context, tenant ids.Tenant, userID, code string) (*TokenSubject, error) {
	if err := a.settleOAuth(ctx, tenant, userID, code); err != nil {
		return nil, err
	}
	subject, err := a.GetTokenSubject(ctx, tenant, userID)
	if err != nil {
		return nil, err
	}
	if err := a.checkSecondFactor(ctx, arrival{user: &subject.User}); err != nil {
		return nil, err
	}
	return subject, nil
}
