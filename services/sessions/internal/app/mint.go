package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/sessions/internal/domain"
)

// mint makes an access token. It costs one signature and, once the audience's
// keys are in memory, no query.
func (a *App) mint(ctx context.Context, tenant ids.Tenant, sessionID string, subject domain.Subject) (string, error) {
	token := domain.AccessToken{Tenant: tenant, SessionID: sessionID, Subject: subject}
	audience := token.Audience()
	set, err := a.Keys.KeySet(ctx, audience, func(ctx context.Context) (domain.KeySet, error) {
		return a.loadKeySet(ctx, audience, nil)
	})
	if err != nil {
		return "", err
	}
	now := a.Clock.Now()
	return a.Signer.Sign(set.Active, token, audience.Issuer(a.settings.PublicOrigin), now, now.Add(a.settings.AccessTokenLifetime))
}

// publishedKeys returns the keys that verify tokens of an audience, whoever asks
// for them. It fails with PROJECT_NOT_FOUND and makes no keys for a project that
// does not exist.
func (a *App) publishedKeys(ctx context.Context, audience domain.Audience) ([]domain.PublicKey, error) {
	ctx = tenancy.ForProject(ctx, audience.ProjectID)
	set, err := a.Keys.KeySet(ctx, audience, func(ctx context.Context) (domain.KeySet, error) {
		return a.loadKeySet(ctx, audience, a.requireProject)
	})
	if err != nil {
		return nil, err
	}
	return set.Public(), nil
}

func (a *App) requireProject(ctx context.Context, projectID string) error {
	project, err := a.Projects.Project(ctx, projectID)
	if err == nil && project == nil {
		err = apierr.ProjectNotFound(projectID)
	}
	return err
}

// loadKeySet reads the keys of an audience and makes them if there are none.
// The check, if any, is asked before keys are made; whoever opens a session
// vouches for the project.
func (a *App) loadKeySet(ctx context.Context, audience domain.Audience, check func(ctx context.Context, projectID string) error) (domain.KeySet, error) {
	if set, ok, err := a.readKeySet(ctx, audience); err != nil || ok {
		return set, err
	}
	if check != nil {
		if err := check(ctx, audience.ProjectID); err != nil {
			return domain.KeySet{}, err
		}
	}
	if err := a.createKeySet(ctx, audience); err != nil {
		return domain.KeySet{}, err
	}
	set, ok, err := a.readKeySet(ctx, audience)
	if err == nil && !ok {
		err = apierr.ProjectNotFound(audience.ProjectID)
	}
	return set, err
}

func (a *App) readKeySet(ctx context.Context, audience domain.Audience) (set domain.KeySet, ok bool, err error) {
	keys, err := a.Store.SigningKeys(ctx, audience)
	if err != nil {
		return domain.KeySet{}, false, err
	}
	set, ok = domain.NewKeySet(keys)
	return set, ok, nil
}

// createKeySet makes the first two keys of an audience. Of several replicas
// that try at once, one succeeds and the others find its keys.
func (a *App) createKeySet(ctx context.Context, audience domain.Audience) error {
	now := a.Clock.Now()
	active, err := domain.NewSigningKey(audience, domain.KeyActive, now)
	if err != nil {
		return err
	}
	next, err := domain.NewSigningKey(audience, domain.KeyNext, now)
	if err != nil {
		return err
	}
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		// The next key belongs to the active one: whoever lost the race for
		// that must not add a third key.
		created, err := tx.CreateSigningKey(ctx, active)
		if err != nil || !created {
			return err
		}
		_, err = tx.CreateSigningKey(ctx, next)
		return err
	})
}
