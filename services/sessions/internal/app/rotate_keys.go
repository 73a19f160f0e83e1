package app

import (
	"context"
	"fmt"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/sessions/internal/domain"
)

// audiencePage bounds how many audiences are read at once.
const audiencePage = 200

// RotateKeys takes the step that is due in the life of an audience's keys and
// says which. With early set the keys rotate whatever their age. Of several
// replicas that try at once, one takes the step.
func (a *App) RotateKeys(ctx context.Context, audience domain.Audience, early bool) (domain.KeyStep, error) {
	set, ok, err := a.readKeySet(ctx, audience)
	if err != nil {
		return domain.KeepKeys, err
	}
	if !ok {
		return domain.KeepKeys, apierr.ProjectNotFound(audience.ProjectID)
	}
	now := a.Clock.Now()
	step := a.settings.Rotation.Step(set, now, early)
	var taken bool
	switch step {
	case domain.RotateKeys:
		taken, err = a.activateNext(ctx, set)
	case domain.ReplaceRetired:
		taken, err = a.replaceRetired(ctx, set)
	}
	if err != nil || !taken {
		return domain.KeepKeys, err
	}
	a.Keys.Forget(audience)
	return step, nil
}

// RotateAllKeys takes the steps that are due for all audiences and counts
// them by kind.
func (a *App) RotateAllKeys(ctx context.Context, early bool) (map[domain.KeyStep]int, error) {
	now, rotation := a.Clock.Now(), a.settings.Rotation
	activatedBy := now.Add(-rotation.Every)
	if early {
		activatedBy = now
	}
	taken := map[domain.KeyStep]int{}
	var after string
	for {
		audiences, err := a.Store.AudiencesDue(ctx, activatedBy, now.Add(-rotation.Keep), after, audiencePage)
		if err != nil {
			return taken, err
		}
		for _, audience := range audiences {
			step, err := a.RotateKeys(ctx, audience, early)
			if apierr.HasCode(err, apierr.CodeProjectNotFound) {
				continue // its project was deleted meanwhile
			}
			if err != nil {
				return taken, err
			}
			taken[step]++
		}
		if len(audiences) < audiencePage {
			return taken, nil
		}
		after = audiences[len(audiences)-1].String()
	}
}

func (a *App) activateNext(ctx context.Context, set domain.KeySet) (taken bool, err error) {
	now := a.Clock.Now()
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if taken, err = tx.RetireSigningKey(ctx, set.Active, now); err != nil || !taken {
			return err
		}
		if taken, err = tx.ActivateSigningKey(ctx, set.Other, now); err != nil {
			return err
		}
		if !taken {
			// Whoever retires the active key has the next one to itself.
			return fmt.Errorf("rotate keys of %v: next key %s has gone", set.Audience, set.Other.KID)
		}
		return tx.Emit(ctx, SigningKeyRotated{Audience: set.Audience, KID: set.Other.KID})
	})
	return taken, err
}

func (a *App) replaceRetired(ctx context.Context, set domain.KeySet) (taken bool, err error) {
	next, err := domain.NewSigningKey(set.Audience, domain.KeyNext, a.Clock.Now())
	if err != nil {
		return false, err
	}
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if taken, err = tx.DeleteSigningKey(ctx, set.Other); err != nil || !taken {
			return err
		}
		_, err = tx.CreateSigningKey(ctx, next)
		return err
	})
	return taken, err
}
