package app_test

import (
	"context"
	"testing"

	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
	"vestibule.dev/services/sessions/internal/keyring"
)

// lateStore is the store of a replica that looked for keys before there were
// any and acts on that only now.
type lateStore struct {
	app.Store
	looked bool
}

func (s *lateStore) SigningKeys(ctx context.Context, audience domain.Audience) ([]domain.SigningKey, error) {
	if !s.looked {
		s.looked = true
		return nil, nil
	}
	return s.Store.SigningKeys(ctx, audience)
}

func TestGetVerificationKeys_replicaLateByARotation_addsNoThirdKey(t *testing.T) {
	s := newSystem(t)
	published(t, s.App)
	s.clock.Advance(settings.Rotation.Every)
	rotate(t, s, false, domain.RotateKeys)

	deps := s.Deps
	deps.Keys = keyring.New(settings.Rotation.Every)
	deps.Store = &lateStore{Store: s.Store}
	late := app.New(settings, deps)
	if got, want := published(t, late), published(t, s.App); got[0] != want[0] || got[1] != want[1] {
		t.Errorf("the late replica publishes %v, the others %v", got, want)
	}
}
