package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain/config"
)

// Operators write different keys at the same moment; without the lock on the
// project most of the writes are lost.
func TestUpdateConfigOverride_parallelDifferentKeys_allSurvive(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	if err := p.ReplaceConfigOverride(p.admin(project.ID), config.Environment, `{}`, nil); err != nil {
		t.Fatal(err)
	}
	admin, before := p.admin(project.ID), p.version(project.ID)
	p.events()
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			over := fmt.Sprintf(`{"payments.items.i%d":{"displayName":"%d"}}`, i, i)
			if err := p.UpdateConfigOverride(admin, config.Environment, over); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if stored := decode(t, p.override(project.ID, config.Environment)); len(stored) != 32 {
		t.Errorf("%d of 32 keys survived", len(stored))
	}
	if got := p.version(project.ID); got != before+32 {
		t.Errorf("version %d, want %d", got, before+32)
	}
	versions := map[int64]bool{}
	for _, event := range p.events() {
		versions[event.GetProjectConfigChanged().GetVersion()] = true
	}
	if len(versions) != 32 {
		t.Errorf("events tell of %d versions, want 32", len(versions))
	}
}

func TestConfigOverride_levels_areIndependentAndRendered(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	for _, write := range []struct {
		level config.Level
		text  string
	}{
		{config.Project, `{"project":{"requirePublishableClientKey":true}}`},
		{config.Branch, `{"auth.otp.allowSignIn":true,"auth.password.allowSignIn":true}`},
		{config.Environment, `{"auth.password.allowSignIn":false}`},
	} {
		if err := p.UpdateConfigOverride(p.admin(project.ID), write.level, write.text); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.override(project.ID, config.Project); got != `{"project":{"requirePublishableClientKey":true}}` {
		t.Errorf("project level %s", got)
	}
	rendered, err := p.GetConfig(p.admin(project.ID))
	if err != nil {
		t.Fatal(err)
	}
	auth, _ := decode(t, rendered)["auth"].(map[string]any)
	if fmt.Sprint(auth["otp"], auth["password"]) != "map[allowSignIn:true] map[allowSignIn:false]" {
		t.Errorf("rendered auth %v", auth)
	}
	events := p.events()
	branches := ""
	for _, event := range events[1:] {
		branches += event.GetProjectConfigChanged().GetLevel() + "@" + event.GetBranchId() + " "
	}
	if branches != "project@ branch@main environment@main " {
		t.Errorf("events concern %s", branches)
	}
}

func TestConfigOverride_server_hasTheBranchLevelAlone(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	source := map[string]any{"type": "pushed-from-unknown"}
	for _, level := range []config.Level{config.Project, config.Branch, config.Environment} {
		t.Run(string(level), func(t *testing.T) {
			server := p.on(principal.AccessServer, project.ID)
			_, read := p.GetConfigOverride(server, level)
			for name, err := range map[string]error{
				"read":    read,
				"update":  p.UpdateConfigOverride(server, level, `{}`),
				"replace": p.ReplaceConfigOverride(server, level, `{}`, source),
			} {
				switch {
				case level != config.Branch:
					wantText(t, err, http.StatusForbidden)
				case err != nil:
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

func TestConfigOverride_refusedDocument_changesNothing(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	before := p.version(project.ID)
	for name, text := range map[string]string{
		"no JSON":        `{`,
		"unknown key":    `{"auth.teleport":true}`,
		"wrong type":     `{"auth.allowSignUp":"yes"}`,
		"too long":       `{"emails.server.host":"` + strings.Repeat("x", config.MaxDocumentLength) + `"}`,
		"of other level": `{"project.requirePublishableClientKey":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			wantText(t, p.UpdateConfigOverride(p.admin(project.ID), config.Environment, text), http.StatusBadRequest)
			wantText(t, p.ReplaceConfigOverride(p.admin(project.ID), config.Environment, text, nil), http.StatusBadRequest)
		})
	}
	if got := p.version(project.ID); got != before {
		t.Errorf("version %d, was %d", got, before)
	}
}

// Each patch is short enough; what they add up to is not.
func TestUpdateConfigOverride_grownTooLong_isRefused(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	half := strings.Repeat("x", config.MaxDocumentLength/2)
	if err := p.UpdateConfigOverride(p.admin(project.ID), config.Environment, `{"emails.server.host":"`+half+`"}`); err != nil {
		t.Fatal(err)
	}
	wantText(t, p.UpdateConfigOverride(p.admin(project.ID), config.Environment, `{"emails.server.username":"`+half+`"}`), http.StatusBadRequest)
	// Characters of four bytes: within the limit of the level, beyond that of
	// a message between services.
	wide := strings.Repeat("\U0001F3DB", config.MaxDocumentLength/5*4)
	wantText(t, p.ReplaceConfigOverride(p.admin(project.ID), config.Environment, `{"emails.server.host":"`+wide+`"}`, nil), http.StatusBadRequest)
}

func TestReplaceConfigOverride_branch_keepsWhereItCameFrom(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	source := func() string {
		t.Helper()
		source, err := p.GetConfigSource(p.admin(project.ID))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(source.Fields())
	}
	if got := source(); got != "map[type:unlinked]" {
		t.Errorf("source %s of a new project", got)
	}
	wantText(t, p.ReplaceConfigOverride(p.admin(project.ID), config.Branch, `{}`, nil), http.StatusBadRequest)
	wantProblems(t, p.ReplaceConfigOverride(p.admin(project.ID), config.Branch, `{}`, map[string]any{"type": "pushed-from-github"}),
		"body.source.owner", "body.source.repo", "body.source.branch", "body.source.commit_hash", "body.source.config_file_path")

	if err := p.ReplaceConfigOverride(p.admin(project.ID), config.Branch, `{"auth.allowSignUp":false}`, map[string]any{"type": "pushed-from-unknown"}); err != nil {
		t.Fatal(err)
	}
	if err := p.UpdateConfigOverride(p.admin(project.ID), config.Branch, `{"auth.otp.allowSignIn":true}`); err != nil {
		t.Fatal(err)
	}
	if err := p.ResetConfigKeys(p.admin(project.ID), config.Branch, []string{"auth.allowSignUp"}); err != nil {
		t.Fatal(err)
	}
	if got := source(); got != "map[type:pushed-from-unknown]" {
		t.Errorf("source %s after PATCH and reset", got)
	}
	for range 2 {
		if err := p.DeleteConfigSource(p.admin(project.ID)); err != nil {
			t.Fatal(err)
		}
		if got := source(); got != "map[type:unlinked]" {
			t.Errorf("source %s after its deletion", got)
		}
	}
	if got := p.override(project.ID, config.Branch); got != `{"auth.otp.allowSignIn":true}` {
		t.Errorf("branch level %s", got)
	}
}

func TestResetConfigKeys_unknownOrNone_changesNothing(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	stored, before := p.override(project.ID, config.Environment), p.version(project.ID)
	for _, keys := range [][]string{nil, {"payments.products.none"}, {""}} {
		if err := p.ResetConfigKeys(p.admin(project.ID), config.Environment, keys); err != nil {
			t.Fatal(err)
		}
	}
	if p.override(project.ID, config.Environment) != stored || p.version(project.ID) != before {
		t.Error("something changed")
	}
	if err := p.ResetConfigKeys(p.admin(project.ID), config.Environment, []string{"rbac", "apps", "domains", "auth"}); err != nil {
		t.Fatal(err)
	}
	if got := p.override(project.ID, config.Environment); got != "{}" {
		t.Errorf("left over %s", got)
	}
}

func TestConfig_noProject_isRefused(t *testing.T) {
	p := newProjects(t)
	_, err := p.GetConfig(t.Context())
	wantError(t, err, apierr.AccessTypeRequired())
}

// However definitions are written, nothing contains itself afterwards; what was
// stored before that was refused keeps nobody from changing other things.
func TestConfigOverride_permissionsInACircle_areRefused(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	admin := p.admin(project.ID)
	define := func(level config.Level, id, contained string) error {
		return p.UpdateConfigOverride(admin, level, fmt.Sprintf(
			`{"rbac.permissions.%s":{"scope":"team","containedPermissionIds":{%s}}}`, id, contained))
	}
	refused := func(what string, err error) {
		t.Helper()
		wantText(t, err, http.StatusBadRequest)
		if err != nil && !strings.Contains(err.Error(), "would contain itself") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, err := range []error{
		define(config.Branch, "c", ``), define(config.Branch, "b", `"c":true`), define(config.Environment, "a", `"b":true`),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	before, version := p.override(project.ID, config.Branch), p.version(project.ID)
	p.events()
	refused("itself", define(config.Environment, "d", `"d":true`))
	refused("over two levels", define(config.Branch, "c", `"a":true`))
	refused("whole", p.ReplaceConfigOverride(admin, config.Branch, `{"rbac.permissions":{"b":{"scope":"team","containedPermissionIds":{"a":true}}}}`,
		map[string]any{"type": "unlinked"}))
	_, _, err := p.ReplacePermissions(t.Context(), ids.Tenant{ProjectID: project.ID, BranchID: "main"}, app.Permissions{
		ExpectedVersion: version, Definitions: []byte(`{"x":{"scope":"project","containedPermissionIds":{"y":true}},"y":{"scope":"project","containedPermissionIds":{"x":true}}}`),
	})
	refused("by the routes of teams", err)
	if got := p.override(project.ID, config.Branch); got != before || p.version(project.ID) != version || len(p.events()) != 0 {
		t.Errorf("something was written: %s", got)
	}

	p.exec(`UPDATE config_overrides SET document = '{"rbac.permissions":{"old":{"scope":"team","containedPermissionIds":{"old":true}}}}'
		WHERE project_id = $1 AND level = 'branch'`, project.ID)
	if err := define(config.Branch, "new", `"old":true`); err != nil {
		t.Error(err)
	}
	refused("wider", define(config.Branch, "old", `"old":true,"new":true`))
	if err := define(config.Branch, "old", ``); err != nil {
		t.Error(err)
	}
	refused("again", define(config.Branch, "old", `"old":true`))
}

// Two operators write a half of a circle each. Without the lock on the project
// both succeed.
func TestUpdateConfigOverride_halvesOfACircleInParallel_oneIsRefused(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	for round := range 10 {
		var all sync.WaitGroup
		var errs [2]error
		for i, half := range []string{
			`{"rbac.permissions.a%[1]d":{"scope":"team","containedPermissionIds":{"b%[1]d":true}}}`,
			`{"rbac.permissions.b%[1]d":{"scope":"team","containedPermissionIds":{"a%[1]d":true}}}`,
		} {
			all.Go(func() {
				errs[i] = p.UpdateConfigOverride(p.admin(project.ID), config.Environment, fmt.Sprintf(half, round))
			})
		}
		all.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("round %d: %v, %v", round, errs[0], errs[1])
		}
	}
}
