package app_test

import (
	"bytes"
	"sync"
	"testing"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain/config"
)

func devSeed() app.ProjectSeed {
	return app.ProjectSeed{
		ID: ids.NewUUID(), DisplayName: "Development", Environment: config.Development(),
		Keys: app.ProjectKeys{PublishableClientKey: "pck_dev", SecretServerKey: "ssk_dev", SuperSecretAdminKey: "sak_dev"},
	}
}

// seeded seeds the project and returns what authenticates its requests.
func (p *projects) seeded(seed app.ProjectSeed) *app.ProjectAccess {
	p.t.Helper()
	if err := p.SeedProject(p.t.Context(), seed); err != nil {
		p.t.Fatal(err)
	}
	access, err := p.GetProjectAccess(p.t.Context(), seed.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return access
}

func TestSeedProject_again_changesNothing(t *testing.T) {
	p := newProjects(t)
	seed := devSeed()
	access := p.seeded(seed)
	if len(access.KeySets) != 1 || !bytes.Equal(access.KeySets[0].SuperSecretAdminKey.Hash, secret.HashToken("sak_dev")) {
		t.Fatalf("key sets %+v", access.KeySets)
	}
	// What people did since then stays.
	if err := p.UpdateConfigOverride(p.admin(seed.ID), config.Environment, `{"auth.password.allowSignIn":false}`); err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpdateProject(p.admin(seed.ID), app.ProjectPatch{DisplayName: patch.Value("Mine")}); err != nil {
		t.Fatal(err)
	}
	p.exec(`INSERT INTO users (project_id, branch_id, id) VALUES ($1, 'main', gen_random_uuid())`, seed.ID)
	before := p.version(seed.ID)
	p.events()
	p.seeded(seed)
	read, err := p.GetAdminProject(p.admin(seed.ID))
	if err != nil || read.DisplayName != "Mine" || read.Render().LegacyClient().CredentialEnabled {
		t.Errorf("project %+v, %v", read, err)
	}
	if p.version(seed.ID) != before || len(p.events()) != 0 || p.count(`SELECT count(*) FROM users WHERE project_id = $1`, seed.ID) != 1 {
		t.Error("seeding again had effects")
	}
}

func TestSeedProject_otherKeys_replaceTheSeededSet(t *testing.T) {
	p := newProjects(t)
	seed := devSeed()
	access := p.seeded(seed)
	own, _, err := p.CreateAPIKeySet(p.admin(seed.ID), app.NewAPIKeySet{Description: "Own", ExpiresAt: access.KeySets[0].ExpiresAt})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpdateAPIKeySet(p.admin(seed.ID), access.KeySets[0].ID, patch.Field[string]{}, true); err != nil {
		t.Fatal(err)
	}
	if again := p.seeded(seed); len(again.KeySets) != 1 || again.KeySets[0].ID != own.ID {
		t.Errorf("seeding gave revoked keys back: %+v", again.KeySets)
	}
	before := p.version(seed.ID)
	seed.Keys.SecretServerKey, seed.Keys.SuperSecretAdminKey = "ssk_new", ""
	for range 2 {
		var hashes [][]byte
		for _, set := range p.seeded(seed).KeySets {
			if set.SecretServerKey != nil {
				hashes = append(hashes, set.SecretServerKey.Hash)
			}
		}
		if len(hashes) != 1 || !bytes.Equal(hashes[0], secret.HashToken("ssk_new")) {
			t.Errorf("server keys %x, want the new one alone", hashes)
		}
	}
	if p.version(seed.ID) != before+1 {
		t.Errorf("version %d, want %d", p.version(seed.ID), before+1)
	}
}

func TestSeedProject_parallel_createsOne(t *testing.T) {
	p := newProjects(t)
	seed := devSeed()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := p.SeedProject(t.Context(), seed); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := facts(p.events()); got != "project.created api_key_set.created" {
		t.Errorf("events %s, want one creation", got)
	}
}

func TestSeedProject_deletedBefore_comesBackEmpty(t *testing.T) {
	p := newProjects(t)
	seed := devSeed()
	p.seeded(seed)
	p.exec(`INSERT INTO users (project_id, branch_id, id) VALUES ($1, 'main', gen_random_uuid())`, seed.ID)
	p.exec(`UPDATE projects SET deleted_at = now() WHERE id = $1`, seed.ID)
	if access := p.seeded(seed); access == nil || len(access.KeySets) != 1 {
		t.Errorf("access %+v", access)
	}
	if n := p.count(`SELECT count(*) FROM users WHERE project_id = $1`, seed.ID); n != 0 {
		t.Errorf("%d users came back", n)
	}
}

func TestSeedProject_internal_isForOperators(t *testing.T) {
	p := newProjects(t)
	p.exec(`DELETE FROM projects WHERE id = 'internal'`)
	p.seeded(app.ProjectSeed{
		ID: "internal", DisplayName: "Internal", Keys: app.ProjectKeys{PublishableClientKey: "any-Text_1"},
		Environment: config.Internal(config.InternalSettings{SignUp: true, MagicLink: true, AllowLocalhost: true}),
	})
	read, err := p.GetAdminProject(p.admin("internal"))
	if err != nil {
		t.Fatal(err)
	}
	legacy := read.Render().LegacyAdmin()
	if read.OwnerTeamID != nil || !legacy.SignUpEnabled || !legacy.MagicLinkEnabled || !legacy.CredentialEnabled || !legacy.CreateTeamOnSignUp || !legacy.AllowLocalhost {
		t.Errorf("project %+v, configuration %+v", read.Project, legacy)
	}
}

func TestSeedProject_badInput_isRefused(t *testing.T) {
	p := newProjects(t)
	for name, change := range map[string]func(*app.ProjectSeed){
		"no id":          func(s *app.ProjectSeed) { s.ID = "shop" },
		"key with space": func(s *app.ProjectSeed) { s.Keys.SecretServerKey = "ssk dev" },
	} {
		t.Run(name, func(t *testing.T) {
			seed := devSeed()
			change(&seed)
			if err := p.SeedProject(t.Context(), seed); err == nil {
				t.Error("accepted")
			}
		})
	}
}
