package app

import (
	"context"

	"vestibule.dev/services/sessions/internal/domain"
)

// RevokeKeys replaces both keys of an audience at once, for private keys that
// others may know. Tokens signed before are refused as soon as verifiers
// notice; sessions stay, and refreshing gives good tokens again.
func (a *App) RevokeKeys(ctx context.Context, audience domain.Audience) error {
	now := a.Clock.Now()
	active, err := domain.NewSigningKey(audience, domain.KeyActive, now)
	if err != nil {
		return err
	}
	next, err := domain.NewSigningKey(audience, domain.KeyNext, now)
	if err != nil {
		return err
	}
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.DeleteSigningKeys(ctx, audience); err != nil {
			return err
		}
		// A key that is there after all is younger than this call.
		for _, key := range []domain.SigningKey{active, next} {
			if created, err := tx.CreateSigningKey(ctx, key); err != nil || !created {
				return err
			}
		}
		return tx.Emit(ctx, SigningKeyRotated{Audience: audience, KID: active.KID})
	})
	if err == nil {
		a.Keys.Forget(audience)
	}
	return err
}
