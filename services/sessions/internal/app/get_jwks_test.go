package app_test

import (
	"net/http"
	"sync"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
)

func TestGetJWKS_kinds_haveTwoDistinctKeysEach(t *testing.T) {
	s := newSystem(t)
	for n := range 3 {
		keys, err := s.GetJWKS(t.Context(), projectID, domain.Kinds()[:n+1]...)
		if err != nil {
			t.Fatal(err)
		}
		kids := map[string]bool{}
		for _, key := range keys {
			kids[key.KID] = true
		}
		if want := 2 * (n + 1); len(keys) != want || len(kids) != want {
			t.Errorf("%d keys with %d ids for %d kinds", len(keys), len(kids), n+1)
		}
	}
}

func TestGetJWKS_activeKey_signs(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t, request(userID))
	keys, err := s.GetJWKS(t.Context(), projectID, domain.Ordinary)
	if err != nil {
		t.Fatal(err)
	}
	if got := keyID(t, opened.AccessToken); got != keys[0].KID {
		t.Errorf("token of key %s, published %s first", got, keys[0].KID)
	}
}

func TestGetJWKS_unknownProject_makesNoKeys(t *testing.T) {
	s := newSystem(t)
	for _, id := range []string{"7d9f3c0a-54a3-4b8a-9c39-0a4d3ce1c0b1", "internal", "x", ""} {
		_, err := s.GetJWKS(t.Context(), id, domain.Kinds()...)
		checkError(t, err, apierr.Text(http.StatusNotFound, ""))
	}
	for _, audience := range []string{"7d9f3c0a-54a3-4b8a-9c39-0a4d3ce1c0b1:anon", "internal", "x", "", projectID + ":x"} {
		_, err := s.GetVerificationKeys(t.Context(), audience)
		checkError(t, err, apierr.ProjectNotFound(audience))
	}
	if n := s.count(t, "SELECT count(*) FROM signing_keys"); n != 0 {
		t.Errorf("%d keys", n)
	}
}

func TestGetVerificationKeys_firstUseInParallel_makesOneSet(t *testing.T) {
	s := newSystem(t)
	replicas := []*app.App{s.App}
	for range 3 {
		replica, _ := s.replica(t)
		replicas = append(replicas, replica)
	}
	sets := make([][]domain.PublicKey, 32)
	var wait sync.WaitGroup
	for i := range sets {
		wait.Go(func() {
			var err error
			if sets[i], err = replicas[i%len(replicas)].GetVerificationKeys(t.Context(), projectID+":anon"); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, set := range sets {
		if len(set) != 2 || set[0].KID != sets[0][0].KID || set[1].KID != sets[0][1].KID {
			t.Fatalf("replicas publish %v and %v", set, sets[0])
		}
	}
	if n := s.count(t, "SELECT count(*) FROM signing_keys"); n != 2 {
		t.Errorf("%d keys", n)
	}
}

func TestGetVerificationKeys_warm_costsNothing(t *testing.T) {
	s := newSystem(t)
	s.open(t, request(userID))
	ctx, statements := pg.CountQueries(t.Context())
	if _, err := s.GetVerificationKeys(ctx, projectID); err != nil {
		t.Fatal(err)
	}
	if statements.Load() != 0 || s.projects.calls.Load() != 0 {
		t.Errorf("%d statements, %d project reads", statements.Load(), s.projects.calls.Load())
	}
}

func TestSigningKeys_privatePart_isSealed(t *testing.T) {
	s := newSystem(t)
	s.open(t, request(userID))
	// PKCS #8 would begin with an ASN.1 sequence; a sealed value begins with
	// its version.
	if n := s.count(t, "SELECT count(*) FROM signing_keys WHERE get_byte(private_key, 0) = 1"); n != 2 {
		t.Errorf("%d sealed keys", n)
	}
}
