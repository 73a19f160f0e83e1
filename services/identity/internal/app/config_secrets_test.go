package app_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"vestibule.dev/pkg/rewrap"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/domain/config"
	"vestibule.dev/services/identity/internal/postgres"
)

// T4. Whoever reads a dump of the database reads no secret of a project.
func TestConfigOverride_secrets_areSealedWhereTheyAreStored(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	const text = `{"auth.oauth.providers.github":{"type":"github","isShared":false,"clientId":"id","clientSecret":"oauth-s3cret"},"emails.server.password":"smtp-s3cret"}`
	if err := p.UpdateConfigOverride(p.admin(project.ID), config.Environment, text); err != nil {
		t.Fatal(err)
	}
	stored := func() (document string) {
		t.Helper()
		if err := p.db.Querier(t.Context()).QueryRow(t.Context(),
			`SELECT document::text FROM config_overrides WHERE project_id = $1 AND level = 'environment'`, project.ID).Scan(&document); err != nil {
			t.Fatal(err)
		}
		return document
	}
	before := stored()
	if strings.Contains(before, "s3cret") || strings.Count(before, `"sealed:`) != 2 || !strings.Contains(before, `"clientId":"id"`) {
		t.Errorf("stored %s", before)
	}
	if got := p.override(project.ID, config.Environment); !strings.Contains(got, `"clientSecret":"oauth-s3cret"`) || !strings.Contains(got, `"emails.server.password":"smtp-s3cret"`) {
		t.Errorf("shown %s", got)
	}
	rendered, err := p.GetConfig(p.admin(project.ID))
	if err != nil || !strings.Contains(rendered, "oauth-s3cret") {
		t.Errorf("rendered %s, %v", rendered, err)
	}

	// A change of another key seals anew; what is sealed opens where it was
	// stored and nowhere else.
	if err := p.UpdateConfigOverride(p.admin(project.ID), config.Environment, `{"auth.allowSignUp":false}`); err != nil {
		t.Fatal(err)
	}
	if after := stored(); after == before || strings.Count(after, `"sealed:`) != 2 {
		t.Errorf("stored %s", after)
	}
	other := p.create()
	p.exec(`UPDATE config_overrides SET document = $1::json WHERE project_id = $2 AND level = 'environment'`, before, other.ID)
	if shown, err := p.GetConfigOverride(p.admin(other.ID), config.Environment); err == nil {
		t.Errorf("another project opens it: %s", shown)
	}
}

func TestResealOverrides_fromBefore_areSealed(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	p.exec(`UPDATE config_overrides SET document = '{"emails.server.password":"smtp-s3cret"}' WHERE project_id = $1 AND level = 'environment'`, project.ID)
	if got := p.override(project.ID, config.Environment); got != `{"emails.server.password":"smtp-s3cret"}` {
		t.Errorf("shown %s", got)
	}
	version := p.version(project.ID)
	if n, err := p.store.ResealOverrides(t.Context()); err != nil || n != 1 {
		t.Fatalf("%d documents, %v", n, err)
	}
	if n := p.count(`SELECT count(*) FROM config_overrides WHERE document::text LIKE '%s3cret%'`); n != 0 {
		t.Errorf("%d documents with secrets", n)
	}
	if got := p.override(project.ID, config.Environment); got != `{"emails.server.password":"smtp-s3cret"}` || p.version(project.ID) != version {
		t.Errorf("shown %s", got)
	}
}

func TestSealed_configurations_areReadUnderANewKey(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	const text = `{"auth.oauth.providers.github":{"type":"github","isShared":false,"clientId":"sealed:AAAA","clientSecret":"oauth-s3cret"},"emails.server.password":"smtp-s3cret"}`
	if err := p.UpdateConfigOverride(p.admin(project.ID), config.Environment, text); err != nil {
		t.Fatal(err)
	}
	// What the schema no longer knows is none of this command's business.
	p.exec(`UPDATE config_overrides SET document = (left(document::text, -1) || ', "of.old" : 1}')::json WHERE project_id = $1 AND level = 'environment'`, project.ID)
	columns := postgres.Sealed()
	documents := columns[len(columns)-1]
	box := func(ring string) *secret.Box {
		t.Helper()
		keys, err := secret.ParseKeyRing(secret.Secret(ring))
		if err != nil {
			t.Fatal(err)
		}
		return secret.NewBox(keys)
	}
	fresh := "new:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	old := "k1:" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	if n, err := rewrap.Run(t.Context(), p.db, box(fresh+","+old), documents); err != nil || n != 1 {
		t.Fatalf("changed %d, %v", n, err)
	}
	census, err := rewrap.Count(t.Context(), p.db, box(fresh), documents)
	if err != nil || census.Keys["new"] != 2 || len(census.Unreadable) > 0 {
		t.Errorf("counted %+v, %v", census, err)
	}
	if n := p.count(`SELECT count(*) FROM config_overrides WHERE document::text LIKE '%, "of.old" : 1}'`); n != 1 {
		t.Error("the rest of the document was changed")
	}
}
