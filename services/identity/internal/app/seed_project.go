package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// ProjectSeed is a project that an installation starts with.
type ProjectSeed struct {
	ID          string
	DisplayName string
	// Environment is the override a new project starts with.
	Environment config.Document
	// Keys have texts of the operator's choice.
	Keys ProjectKeys
}

// seededKeySetID is the id of the set that seeding keeps, in every project.
const seededKeySetID = "5eed0000-0000-4000-8000-000000000000"

// seededKeysExpire is far enough away.
var seededKeysExpire = time.Date(2999, time.December, 31, 0, 0, 0, 0, time.UTC)

var seededKeyText = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)

// SeedProject creates the project unless it exists, and gives it the keys.
// Repeating it changes nothing: what was configured since stays, and so does
// the revocation of the keys. Other keys than before replace those.
//
// No team owns a seeded project, so nobody administers it but by its keys.
func (a *App) SeedProject(ctx context.Context, seed ProjectSeed) error {
	if seed.ID != domain.InternalProject && !ids.ValidUUID(seed.ID) {
		return fmt.Errorf("seed: %q is no id of a project", seed.ID)
	}
	for _, key := range []secret.Secret{seed.Keys.PublishableClientKey, seed.Keys.SecretServerKey, seed.Keys.SuperSecretAdminKey} {
		if !seededKeyText.MatchString(key.Reveal()) {
			return errors.New("seed: a key has other characters than letters, digits, _ and -")
		}
	}
	// A project that was deleted stands in the way until it is gone entirely.
	if err := a.purgeProject(ctx, seed.ID); err != nil {
		return err
	}
	tenant := ids.Tenant{ProjectID: seed.ID, BranchID: domain.MainBranch}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if _, err := createProject(ctx, tx, &domain.ConfiguredProject{
			Project:   domain.Project{ID: seed.ID, DisplayName: seed.DisplayName, OnboardingStatus: domain.OnboardingCompleted},
			Overrides: domain.Overrides{BranchID: tenant.BranchID, Environment: seed.Environment},
		}); err != nil {
			return err
		}
		project, err := tx.LockProject(ctx, tenant)
		if err != nil {
			return err
		}
		if project == nil {
			return fmt.Errorf("seed: project %s is being deleted", seed.ID)
		}
		return a.seedKeys(ctx, tx, project, seed.Keys)
	})
}

// seedKeys replaces the seeded set when its keys are others.
func (a *App) seedKeys(ctx context.Context, tx Tx, project *domain.ConfiguredProject, keys ProjectKeys) error {
	set := newAPIKeySet(seededKeySetID, "Seeded", seededKeysExpire, keys)
	before, err := a.store.APIKeySet(ctx, project.ID, seededKeySetID)
	if err != nil {
		return err
	}
	if before != nil {
		if sameKey(before.PublishableClientKey, set.PublishableClientKey) &&
			sameKey(before.SecretServerKey, set.SecretServerKey) &&
			sameKey(before.SuperSecretAdminKey, set.SuperSecretAdminKey) {
			return nil
		}
		if err := tx.DeleteAPIKeySet(ctx, project.ID, seededKeySetID); err != nil {
			return err
		}
	}
	if err := tx.CreateAPIKeySet(ctx, project.ID, set); err != nil {
		return err
	}
	if err := tx.UpdateProject(ctx, &project.Project); err != nil {
		return err
	}
	return tx.Emit(ctx, APIKeySetCreated{ProjectID: project.ID, KeySetID: set.ID, Version: project.Version})
}

func sameKey(a, b *domain.StoredKey) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(a.Hash, b.Hash)
}
