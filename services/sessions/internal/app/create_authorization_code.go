package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/domain"
)

// CreateAuthorizationCode makes a code that the token endpoint exchanges once
// (auth.md §9.3). It fails with USER_NOT_FOUND when the user was deleted
// meanwhile.
func (a *App) CreateAuthorizationCode(ctx context.Context, code domain.AuthorizationCode) (text string, err error) {
	text = ids.Secret()
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		created, err := tx.CreateAuthorizationCode(ctx, text, code)
		if err == nil && !created {
			return apierr.UserNotFound()
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return text, nil
}
