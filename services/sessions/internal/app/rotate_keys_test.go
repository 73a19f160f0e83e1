package app_test

import (
	"slices"
	"sync"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
)

var audience = domain.Audience{ProjectID: projectID}

// published returns the ids of the published keys, the active one first.
func published(t testing.TB, replica *app.App) []string {
	t.Helper()
	keys, err := replica.GetVerificationKeys(t.Context(), audience.String())
	if err != nil {
		t.Fatal(err)
	}
	kids := make([]string, 0, len(keys))
	for _, key := range keys {
		kids = append(kids, key.KID)
	}
	if len(kids) != 2 || kids[0] == kids[1] {
		t.Fatalf("published keys %v", kids)
	}
	return kids
}

func rotate(t testing.TB, s *system, early bool, want domain.KeyStep) {
	t.Helper()
	step, err := s.RotateKeys(t.Context(), audience, early)
	if err != nil || step != want {
		t.Fatalf("step %d, %v, want %d", step, err, want)
	}
}

func TestRotateKeys_fullTurn_alwaysPublishesTwoKnownKeys(t *testing.T) {
	s := newSystem(t)
	before := published(t, s.App)
	rotate(t, s, false, domain.KeepKeys)
	s.clock.Advance(settings.Rotation.Every)
	s.events.take()

	rotate(t, s, false, domain.RotateKeys)
	turned := published(t, s.App)
	if want := []string{before[1], before[0]}; !slices.Equal(turned, want) {
		t.Errorf("after the rotation %v, want %v", turned, want)
	}
	if got := keyID(t, s.open(t, request(userID)).AccessToken); got != before[1] {
		t.Errorf("token of key %s, want %s", got, before[1])
	}
	if events := s.events.take(); len(events) != 2 || events[0] != (app.SigningKeyRotated{Audience: audience, KID: before[1]}) {
		t.Errorf("events %+v", events)
	}

	// The last token of the retired key must stay verifiable.
	s.clock.Advance(settings.Rotation.Keep - 1)
	rotate(t, s, true, domain.KeepKeys)
	s.clock.Advance(1)
	rotate(t, s, false, domain.ReplaceRetired)
	after := published(t, s.App)
	if after[0] != before[1] || slices.Contains(before, after[1]) {
		t.Errorf("after the replacement %v, before %v", after, before)
	}

	// The new next key must be known to verifiers before it signs.
	rotate(t, s, true, domain.KeepKeys)
	s.clock.Advance(settings.Rotation.Ahead)
	rotate(t, s, true, domain.RotateKeys)
}

func TestRotateKeys_replicasInParallel_rotateOnce(t *testing.T) {
	s := newSystem(t)
	for range 10 {
		before := published(t, s.App)
		s.clock.Advance(settings.Rotation.Every)
		taken := rotateInParallel(t, s)
		if taken[domain.RotateKeys] != 1 {
			t.Fatalf("steps %v", taken)
		}
		if got := published(t, s.App); got[0] != before[1] || got[1] != before[0] {
			t.Fatalf("published %v after %v", got, before)
		}
		s.clock.Advance(settings.Rotation.Keep)
		if taken := rotateInParallel(t, s); taken[domain.ReplaceRetired] != 1 {
			t.Fatalf("steps %v", taken)
		}
		published(t, s.App)
	}
}

// rotateInParallel lets several replicas do what is due and counts the steps
// they believe to have taken.
func rotateInParallel(t *testing.T, s *system) map[domain.KeyStep]int {
	var mu sync.Mutex
	taken := map[domain.KeyStep]int{}
	start := make(chan struct{})
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			<-start
			step, err := s.RotateKeys(t.Context(), audience, false)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			taken[step]++
		})
	}
	close(start)
	wait.Wait()
	return taken
}

func TestRotateAllKeys_manyAudiences_areAllVisited(t *testing.T) {
	s := newSystem(t)
	for _, kind := range domain.Kinds() {
		for _, project := range []string{projectID, otherProjectID} {
			if _, err := s.GetVerificationKeys(t.Context(), domain.Audience{ProjectID: project, Kind: kind}.String()); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.clock.Advance(settings.Rotation.Every)
	taken, err := s.RotateAllKeys(t.Context(), false)
	if err != nil || taken[domain.RotateKeys] != 6 {
		t.Errorf("steps %v, %v", taken, err)
	}
}

func TestRotateKeys_unknownAudience_isNotFound(t *testing.T) {
	s := newSystem(t)
	_, err := s.RotateKeys(t.Context(), audience, true)
	checkError(t, err, apierr.ProjectNotFound(projectID))
}

func TestRevokeKeys_compromise_replacesBothAtOnce(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t, request(userID))
	before := published(t, s.App)
	if err := s.RevokeKeys(t.Context(), audience); err != nil {
		t.Fatal(err)
	}
	after := published(t, s.App)
	if slices.Contains(after, before[0]) || slices.Contains(after, before[1]) {
		t.Errorf("published %v after %v", after, before)
	}
	token, err := s.RefreshSession(t.Context(), tenant, opened.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if got := keyID(t, token); got != after[0] {
		t.Errorf("token of key %s, published %v", got, after)
	}
}
