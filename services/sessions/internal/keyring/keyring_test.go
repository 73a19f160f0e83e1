package keyring

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule.dev/services/sessions/internal/domain"
)

func TestKeySet_parallelCallers_loadOnce(t *testing.T) {
	keys := New(time.Hour)
	var loads atomic.Int32
	load := func(context.Context) (domain.KeySet, error) {
		loads.Add(1)
		return domain.KeySet{Active: domain.SigningKey{PublicKey: domain.PublicKey{KID: "k"}}}, nil
	}
	audience := domain.Audience{ProjectID: "internal"}
	var wait sync.WaitGroup
	for range 64 {
		wait.Go(func() {
			if set, err := keys.KeySet(t.Context(), audience, load); err != nil || set.Active.KID != "k" {
				t.Errorf("key set %v, %v", set.Active.KID, err)
			}
		})
	}
	wait.Wait()
	if got := loads.Load(); got != 1 {
		t.Errorf("loaded %d times", got)
	}
	keys.Forget(audience)
	if _, err := keys.KeySet(t.Context(), audience, load); err != nil {
		t.Fatal(err)
	}
	if got := loads.Load(); got != 2 {
		t.Errorf("loaded %d times after being forgotten once", got)
	}
}

func TestKeySet_failure_isNotCached(t *testing.T) {
	keys := New(time.Hour)
	audience, failure := domain.Audience{ProjectID: "internal"}, errors.New("no database")
	if _, err := keys.KeySet(t.Context(), audience, func(context.Context) (domain.KeySet, error) {
		return domain.KeySet{}, failure
	}); !errors.Is(err, failure) {
		t.Fatalf("error %v", err)
	}
	if _, err := keys.KeySet(t.Context(), audience, func(context.Context) (domain.KeySet, error) {
		return domain.KeySet{}, nil
	}); err != nil {
		t.Errorf("error %v after recovery", err)
	}
}
