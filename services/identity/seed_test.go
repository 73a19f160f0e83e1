package identity

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/service"
)

const (
	internalSeed = `"internal":{"id":"internal","publishable_client_key":"pck_i","secret_server_key":"ssk_i","super_secret_admin_key":"sak_i"}`
	devSeed      = `"dev":{"id":"3241a285-8329-4d69-8f3d-316e08cf140c","publishable_client_key":"pck_d","secret_server_key":"ssk_d","super_secret_admin_key":"sak_d"}`
)

func TestSeed_file_createsTheProjects(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seed.json")
	if err := os.WriteFile(path, []byte(`{"projects":{`+internalSeed+`,`+devSeed+`}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IDENTITY_SEED_FILE", path)
	p := &service.Platform{Name: "identity", DB: pgtest.New(t, Command().Sources()...), Logger: slog.New(slog.DiscardHandler)}
	for _, step := range []struct {
		dev  string
		want string
	}{
		{"false", "internal:1"},
		{"true", "3241a285-8329-4d69-8f3d-316e08cf140c:1 internal:1"},
		{"true", "3241a285-8329-4d69-8f3d-316e08cf140c:1 internal:1"},
	} {
		t.Setenv("IDENTITY_SEED_DEV", step.dev)
		if err := seed(t.Context(), p, nil); err != nil {
			t.Fatal(err)
		}
		var got string
		if err := p.DB.Querier(t.Context()).QueryRow(t.Context(), `
SELECT string_agg(id || ':' || (SELECT count(*) FROM api_key_sets k WHERE k.project_id = p.id), ' ' ORDER BY id) FROM projects p`).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != step.want {
			t.Errorf("projects and their key sets: %s, want %s", got, step.want)
		}
	}
}

func TestSeedConfig_badDocument_isRefusedWithoutQuotingKeys(t *testing.T) {
	for name, tt := range map[string]struct {
		document string
		dev      bool
	}{
		"no JSON":           {`{"projects":{"internal":{"secret_server_key":"ssk_hush"`, false},
		"wrong type":        {`{"projects":{"internal":{"secret_server_key":"ssk_hush","id":1}}}`, false},
		"unknown name":      {`{"projects":{` + internalSeed + `,"ssk_hush":{}}}`, false},
		"internal missing":  {`{"projects":{` + devSeed + `}}`, true},
		"internal with id":  {strings.Replace(`{"projects":{`+internalSeed+`}}`, `"id":"internal"`, `"id":"other"`, 1), false},
		"dev missing":       {`{"projects":{` + internalSeed + `}}`, true},
		"nothing":           {``, false},
		"an array of it":    {`[]`, false},
		"projects are null": {`{"projects":null}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := seedConfig{Seed: secret.Secret(tt.document), Dev: tt.dev}.projects()
			if err == nil || strings.Contains(err.Error(), "hush") {
				t.Errorf("error %v", err)
			}
		})
	}
}
