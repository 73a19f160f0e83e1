package app_test

import (
	"bytes"
	"crypto/sha256"
	"regexp"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/services/identity/internal/app"
)

func TestCreateAPIKeySet_keys_areShownOnceAndStoredHashed(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	p.events()
	before := p.version(project.ID)
	set, keys, err := p.CreateAPIKeySet(p.admin(project.ID), app.NewAPIKeySet{
		Description: "Backend", ExpiresAt: time.Now().Add(time.Hour), PublishableClientKey: true, SecretServerKey: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for pattern, key := range map[string]string{
		`^pck_[0-9a-hjkmnp-tv-z]{45}$`: keys.PublishableClientKey.Reveal(),
		`^ssk_[0-9a-hjkmnp-tv-z]{45}$`: keys.SecretServerKey.Reveal(),
		`^$`:                           keys.SuperSecretAdminKey.Reveal(),
	} {
		if !regexp.MustCompile(pattern).MatchString(key) {
			t.Errorf("a key does not match %s", pattern)
		}
	}
	read, err := p.GetAPIKeySet(p.admin(project.ID), set.ID)
	if err != nil {
		t.Fatal(err)
	}
	text := keys.SecretServerKey.Reveal()
	sum := sha256.Sum256([]byte(text))
	if read.Description != "Backend" || read.RevokedAt != nil || read.SuperSecretAdminKey != nil ||
		!bytes.Equal(read.SecretServerKey.Hash, sum[:]) || read.SecretServerKey.LastFour != text[len(text)-4:] {
		t.Errorf("stored %+v", read)
	}
	if events := p.events(); facts(events) != "api_key_set.created" || bytes.Contains([]byte(events[0].String()), []byte(text)) {
		t.Errorf("events %v", events)
	}
	if p.version(project.ID) != before+1 || len(p.announced) != 1 {
		t.Errorf("version %d, was %d; announced %v", p.version(project.ID), before, p.announced)
	}
}

func TestListAPIKeySets_several_newestFirst(t *testing.T) {
	p := newProjects(t)
	project, other := p.create(), p.create()
	var want []string
	for _, id := range []string{project.ID, project.ID, other.ID, project.ID} {
		set, _, err := p.CreateAPIKeySet(p.admin(id), app.NewAPIKeySet{ExpiresAt: time.Unix(0, 0)})
		if err != nil {
			t.Fatal(err)
		}
		if id == project.ID {
			want = append([]string{set.ID}, want...)
		}
	}
	sets, err := p.ListAPIKeySets(p.admin(project.ID))
	if err != nil || len(sets) != 3 {
		t.Fatalf("%d sets, %v; want 3", len(sets), err)
	}
	for i, set := range sets {
		if set.ID != want[i] || !set.ExpiresAt.Equal(time.Unix(0, 0)) {
			t.Errorf("set %d is %+v, want %s", i, set, want[i])
		}
	}
}

func TestUpdateAPIKeySet_revokedTwice_movesTheTime(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	set, _, err := p.CreateAPIKeySet(p.admin(project.ID), app.NewAPIKeySet{Description: "Old", ExpiresAt: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	p.events()
	described, err := p.UpdateAPIKeySet(p.admin(project.ID), set.ID, patch.Value("New"), false)
	if err != nil || described.Description != "New" || described.RevokedAt != nil {
		t.Fatalf("described %+v, %v", described, err)
	}
	first, err := p.UpdateAPIKeySet(p.admin(project.ID), set.ID, patch.Field[string]{}, true)
	if err != nil || first.RevokedAt == nil || first.Description != "New" {
		t.Fatalf("revoked %+v, %v", first, err)
	}
	second, err := p.UpdateAPIKeySet(p.admin(project.ID), set.ID, patch.Field[string]{}, true)
	if err != nil || !second.RevokedAt.After(*first.RevokedAt) {
		t.Errorf("revoked again %+v, %v", second, err)
	}
	before := p.version(project.ID)
	if _, err := p.UpdateAPIKeySet(p.admin(project.ID), set.ID, patch.Field[string]{}, false); err != nil || p.version(project.ID) != before {
		t.Errorf("an empty update changed something: %v", err)
	}
	events := p.events()
	if facts(events) != "api_key_set.updated api_key_set.updated api_key_set.updated" || events[0].GetApiKeySetUpdated().GetRevoked() || !events[1].GetApiKeySetUpdated().GetRevoked() {
		t.Errorf("events %v", events)
	}
}

func TestAPIKeySet_ofAnotherProject_doesNotExist(t *testing.T) {
	p := newProjects(t)
	project, other := p.create(), p.create()
	set, _, err := p.CreateAPIKeySet(p.admin(other.ID), app.NewAPIKeySet{ExpiresAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{set.ID, ids.NewUUID()} {
		_, err := p.GetAPIKeySet(p.admin(project.ID), id)
		wantError(t, err, apierr.APIKeyNotFound())
		_, err = p.UpdateAPIKeySet(p.admin(project.ID), id, patch.Value("Mine"), true)
		wantError(t, err, apierr.APIKeyNotFound())
	}
	if read, err := p.GetAPIKeySet(p.admin(other.ID), set.ID); err != nil || read.RevokedAt != nil {
		t.Errorf("the set became %+v, %v", read, err)
	}
}
