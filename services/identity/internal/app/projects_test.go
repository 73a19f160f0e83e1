package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// projects runs the use cases of projects, with configuration as it is stored.
type projects struct {
	*harness

	mu        sync.Mutex
	announced []string
}

func newProjects(t *testing.T) *projects {
	t.Helper()
	p := &projects{harness: newHarness(t)}
	p.App = p.replica()
	return p
}

// replica is another instance of the service, which remembers nothing.
func (p *projects) replica() *app.App {
	renditions := app.NewProjectRenditions(p.store, slog.New(slog.DiscardHandler))
	return app.New(p.deps(func(d *app.Deps) {
		d.Configs, d.Renditions = renditions, renditions
		d.Announce = func(projectID string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.announced = append(p.announced, projectID)
		}
	}))
}

// operator is a user of project internal.
func (p *projects) operator() context.Context {
	return p.as(principal.AccessClient, ids.NewUUID())
}

// on returns the context of a request to a project as it is now.
func (p *projects) on(access principal.Access, projectID string) context.Context {
	p.t.Helper()
	current, err := p.GetProjectAccess(p.t.Context(), projectID)
	if err != nil || current == nil {
		p.t.Fatalf("project %s: %v, %v", projectID, current, err)
	}
	return principal.NewContext(p.t.Context(), principal.Principal{
		ProjectID: projectID, BranchID: domain.MainBranch, Access: access, ConfigVersion: current.Version,
	})
}

func (p *projects) admin(projectID string) context.Context {
	return p.on(principal.AccessAdmin, projectID)
}

// create makes a project of a new team.
func (p *projects) create(change ...func(*app.ProjectPatch)) *domain.ConfiguredProject {
	p.t.Helper()
	owner := team("Owners")
	p.teams.members[owner.ID] = owner
	fields := app.ProjectPatch{DisplayName: patch.Value("Shop")}
	for _, change := range change {
		change(&fields)
	}
	project, err := p.CreateProject(p.operator(), owner.ID, fields)
	if err != nil {
		p.t.Fatal(err)
	}
	return project
}

func (p *projects) version(projectID string) int64 {
	p.t.Helper()
	return int64(p.count(`SELECT version FROM projects WHERE id = $1`, projectID))
}

// override reads a stored document as admin.
func (p *projects) override(projectID string, level config.Level) string {
	p.t.Helper()
	document, err := p.GetConfigOverride(p.admin(projectID), level)
	if err != nil {
		p.t.Fatal(err)
	}
	return document
}

func pixel(t *testing.T) string {
	t.Helper()
	var content bytes.Buffer
	if err := png.Encode(&content, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(content.Bytes())
}

func wantText(t *testing.T, got error, status int) {
	t.Helper()
	if known, ok := errors.AsType[*apierr.Error](got); !ok || known.Format != apierr.FormatText || known.HTTP != status {
		t.Errorf("error %v, want a text error %d", got, status)
	}
}

// wantProblems checks for a schema error with one bullet per field.
func wantProblems(t *testing.T, got error, fields ...string) {
	t.Helper()
	known, ok := errors.AsType[*apierr.Error](got)
	if !ok || known.Code != apierr.CodeSchemaError {
		t.Fatalf("error %v, want SCHEMA_ERROR", got)
	}
	if bullets := strings.Count(known.Message, "\n  - "); bullets != len(fields) {
		t.Errorf("%d problems, want %d:\n%s", bullets, len(fields), known.Message)
	}
	for _, field := range fields {
		if !strings.Contains(known.Message, "\n  - "+field) {
			t.Errorf("no problem names %s:\n%s", field, known.Message)
		}
	}
}

func TestCreateProject_nothingSaid_hasTheDefaults(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	read, err := p.GetAdminProject(p.admin(project.ID))
	if err != nil {
		t.Fatal(err)
	}
	fresh := domain.Overrides{Environment: config.NewProject()}
	want, got := fresh.Render().LegacyAdmin(), read.Render().LegacyAdmin()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("configuration %+v, want %+v", got, want)
	}
	if read.DisplayName != "Shop" || read.Description != "" || read.IsProductionMode || read.OnboardingStatus != "completed" ||
		read.OwnerTeamID == nil || *read.OwnerTeamID != *project.OwnerTeamID || !read.CreatedAt.Equal(project.CreatedAt) {
		t.Errorf("project %+v", read.Project)
	}
	events := p.events()
	if facts(events) != "project.created" || events[0].GetProjectCreated().GetOwnerTeamId() != *project.OwnerTeamID {
		t.Errorf("events %v", events)
	}
	if sets, err := p.ListAPIKeySets(p.admin(project.ID)); err != nil || len(sets) != 0 {
		t.Errorf("a new project has keys %v, %v", sets, err)
	}
}

func TestCreateProject_wrongCaller_isRefusedInOrder(t *testing.T) {
	p := newProjects(t)
	owner := team("Owners")
	elsewhere := principal.NewContext(t.Context(), principal.Principal{ProjectID: ids.NewUUID(), BranchID: "main", Access: principal.AccessClient})
	member := func(caller principal.Principal) context.Context {
		caller.UserID = ids.NewUUID()
		return principal.NewContext(t.Context(), caller)
	}
	inside, _ := principal.FromContext(p.client())
	outside, _ := principal.FromContext(elsewhere)
	for name, tt := range map[string]struct {
		ctx  context.Context
		want *apierr.Error
	}{
		"nobody of another project": {elsewhere, apierr.UserAuthenticationRequired()},
		"nobody":                    {p.client(), apierr.UserAuthenticationRequired()},
		"user of another project":   {member(outside), apierr.ExpectedInternalProject()},
		"not in the team":           {member(inside), apierr.TeamMembershipNotFound(owner.ID, "")},
		"no project at all":         {t.Context(), apierr.AccessTypeRequired()},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.CreateProject(tt.ctx, owner.ID, app.ProjectPatch{})
			wantError(t, err, tt.want)
			if tt.want.Code == "TEAM_MEMBERSHIP_NOT_FOUND" {
				return
			}
			_, err = p.ListOwnProjects(tt.ctx)
			wantError(t, err, tt.want)
		})
	}
	if n := p.count(`SELECT count(*) FROM projects`); n != 1 {
		t.Errorf("%d projects, want internal alone", n)
	}
}

func TestCreateProject_fieldsAndConfig_areStored(t *testing.T) {
	p := newProjects(t)
	project := p.create(func(f *app.ProjectPatch) {
		f.Description, f.IsProductionMode, f.OnboardingStatus = patch.Value("Sells"), patch.Value(true), patch.Value("welcome")
		f.Logos[domain.Logo] = patch.Value(pixel(t))
		f.Logos[domain.FullDarkModeLogo] = patch.Value("https://example.com/logo.svg")
		f.Config = map[string]any{
			"magic_link_enabled": true, "allow_localhost": false,
			"domains": []any{map[string]any{"domain": "https://example.com", "handler_path": "/auth"}},
		}
	})
	read, err := p.GetAdminProject(p.admin(project.ID))
	if err != nil {
		t.Fatal(err)
	}
	if read.Description != "Sells" || !read.IsProductionMode || read.OnboardingStatus != "welcome" {
		t.Errorf("project %+v", read.Project)
	}
	if url := read.Logos.Value(domain.Logo); !strings.HasPrefix(url, publicURL+"/api/v1/images/project-logos/") || !strings.HasSuffix(url, ".png") {
		t.Errorf("logo %q", url)
	}
	if url := read.Logos.Value(domain.FullDarkModeLogo); url != "https://example.com/logo.svg" {
		t.Errorf("full dark logo %q", url)
	}
	legacy := read.Render().LegacyAdmin()
	if !legacy.MagicLinkEnabled || legacy.AllowLocalhost || !legacy.CredentialEnabled || len(legacy.Domains) != 1 || legacy.Domains[0].HandlerPath != "/auth" {
		t.Errorf("configuration %+v", legacy)
	}
}

func TestCreateProject_badConfig_storesNothing(t *testing.T) {
	p := newProjects(t)
	owner := team("Owners")
	p.teams.members[owner.ID] = owner
	_, err := p.CreateProject(p.operator(), owner.ID, app.ProjectPatch{Config: map[string]any{"domains": "x", "sign_up_enabled": 3.0, "theme": 1.0}})
	wantProblems(t, err, "body.config.domains", "body.config.sign_up_enabled", "body.config")
	_, err = p.CreateProject(p.operator(), owner.ID, app.ProjectPatch{Config: map[string]any{"email_theme": ids.NewUUID()}})
	wantText(t, err, http.StatusBadRequest)
	logo := app.ProjectPatch{}
	logo.Logos[domain.Logo] = patch.Value("ftp://example.com/logo.png")
	_, err = p.CreateProject(p.operator(), owner.ID, logo)
	wantText(t, err, http.StatusBadRequest)
	if n := p.count(`SELECT count(*) FROM projects`); n != 1 || len(p.events()) != 0 {
		t.Errorf("%d projects, want internal alone and no event", n)
	}
}

func TestListOwnProjects_severalTeams_listsTheirsOldestFirst(t *testing.T) {
	p := newProjects(t)
	first, second := p.create(), p.create()
	foreign := p.create()
	delete(p.teams.members, *foreign.OwnerTeamID)
	gone := p.create()
	if err := p.DeleteProject(p.admin(gone.ID)); err != nil {
		t.Fatal(err)
	}
	list, err := p.ListOwnProjects(p.operator())
	if err != nil || len(list) != 2 || list[0].ID != first.ID || list[1].ID != second.ID {
		t.Fatalf("ListOwnProjects = %v, %v; want %s and %s", list, err, first.ID, second.ID)
	}
	if !list[0].Render().LegacyClient().CredentialEnabled {
		t.Error("listed without configuration")
	}
}

func TestUpdateProject_somePresent_changesThoseAlone(t *testing.T) {
	p := newProjects(t)
	project := p.create(func(f *app.ProjectPatch) {
		f.Logos[domain.Logo], f.Logos[domain.FullLogo] = patch.Value(pixel(t)), patch.Value(pixel(t))
		f.Config = map[string]any{"domains": []any{map[string]any{"domain": "https://old.example.com", "handler_path": "/"}}}
	})
	p.events()
	change := app.ProjectPatch{
		Description: patch.Value("New"),
		Config: map[string]any{
			"passkey_enabled": true,
			"domains":         []any{map[string]any{"domain": "https://new.example.com", "handler_path": "/"}},
			"email_theme":     config.ThemeDark,
		},
	}
	change.Logos[domain.Logo] = patch.Null[string]()
	answer, err := p.UpdateProject(p.admin(project.ID), change)
	if err != nil {
		t.Fatal(err)
	}
	read, err := p.replica().GetAdminProject(p.admin(project.ID))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(answer.Project, read.Project) || !reflect.DeepEqual(answer.Render().JSON(), read.Render().JSON()) {
		t.Errorf("answered %+v, stored %+v", answer, read)
	}
	legacy := read.Render().LegacyAdmin()
	if read.DisplayName != "Shop" || read.Description != "New" || read.Logos[domain.Logo] != nil || read.Logos[domain.FullLogo] == nil ||
		!legacy.PasskeyEnabled || !legacy.CredentialEnabled || legacy.EmailTheme != config.ThemeDark ||
		len(legacy.Domains) != 1 || legacy.Domains[0].Domain != "https://new.example.com" {
		t.Errorf("project %+v, configuration %+v", read.Project, legacy)
	}
	if n := p.count(`SELECT count(*) FROM images WHERE project_id = $1`, project.ID); n != 1 {
		t.Errorf("%d images, want that of the logo that stayed", n)
	}
	events := p.events()
	if facts(events) != "project.config_changed project.updated" || events[0].GetAggregateVersion() != p.version(project.ID) {
		t.Errorf("events %v", events)
	}
	if len(p.announced) != 1 || p.announced[0] != project.ID {
		t.Errorf("announced %v", p.announced)
	}
}

func TestUpdateProject_refusedOrEmpty_changesNothing(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	p.events()
	before := p.version(project.ID)
	_, err := p.UpdateProject(p.admin(project.ID), app.ProjectPatch{
		DisplayName: patch.Value("Other"),
		Config: map[string]any{
			"email_config":    map[string]any{"type": "standard", "host": ""},
			"oauth_providers": []any{map[string]any{"id": "google", "type": "standard", "provider_config_id": "google"}},
		},
	})
	wantProblems(t, err,
		"body.config.email_config.host", "body.config.email_config.port", "body.config.email_config.username",
		"body.config.email_config.password", "body.config.email_config.sender_name", "body.config.email_config.sender_email",
		"body.config.oauth_providers[0]", "body.config.oauth_providers[0].client_id", "body.config.oauth_providers[0].client_secret")
	_, err = p.UpdateProject(p.admin(project.ID), app.ProjectPatch{
		DisplayName: patch.Value("Other"), Config: map[string]any{"email_theme": "no theme"},
	})
	wantText(t, err, http.StatusBadRequest)
	if _, err := p.UpdateProject(p.admin(project.ID), app.ProjectPatch{Config: map[string]any{}}); err != nil {
		t.Fatal(err)
	}
	read, err := p.GetAdminProject(p.admin(project.ID))
	if err != nil || read.DisplayName != "Shop" || p.version(project.ID) != before || len(p.events()) != 0 || len(p.announced) != 0 {
		t.Errorf("project %+v, %v; version %d, was %d", read, err, p.version(project.ID), before)
	}
}

// Changes of different fields at the same moment must all survive: without the
// lock on the project the later one writes back what the earlier one replaced.
func TestUpdateProject_parallel_keepsAll(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	ctx := p.admin(project.ID)
	for round := range 10 {
		text := patch.Value(fmt.Sprint(round))
		var all sync.WaitGroup
		for _, change := range []app.ProjectPatch{{DisplayName: text}, {Description: text}} {
			all.Go(func() {
				if _, err := p.UpdateProject(ctx, change); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		read, err := p.GetAdminProject(ctx)
		if err != nil || read.DisplayName != fmt.Sprint(round) || read.Description != fmt.Sprint(round) {
			t.Fatalf("round %d: %+v, %v", round, read, err)
		}
	}
}

func TestDeleteProject_internal_isRefused(t *testing.T) {
	p := newProjects(t)
	wantText(t, p.DeleteProject(p.admin("internal")), http.StatusBadRequest)
}

func TestDeleteProject_data_isGoneAndOthersStay(t *testing.T) {
	p := newProjects(t)
	stays := p.create()
	project := p.create(func(f *app.ProjectPatch) { f.Logos[domain.Logo] = patch.Value(pixel(t)) })
	admin, access := p.admin(project.ID), p.on(principal.AccessServer, project.ID)
	if _, _, err := p.CreateAPIKeySet(admin, app.NewAPIKeySet{ExpiresAt: time.Now().Add(time.Hour), SecretServerKey: true}); err != nil {
		t.Fatal(err)
	}
	// More than one batch.
	p.exec(`INSERT INTO users (project_id, branch_id, id) SELECT $1, 'main', gen_random_uuid() FROM generate_series(1, 1200)`, project.ID)
	p.exec(`INSERT INTO users (project_id, branch_id, id) VALUES ($1, 'main', gen_random_uuid())`, stays.ID)
	p.exec(`INSERT INTO one_time_codes (project_id, branch_id, id, kind, code_hash, suffix_hash, data, expires_at)
		VALUES ($1, 'main', gen_random_uuid(), 'k', '', '', '{}', now())`, project.ID)
	p.exec(`INSERT INTO guesses (project_id, branch_id, kind, subject, source, failures) VALUES ($1, 'main', 'password', 's', '', 1)`, project.ID)
	p.events()

	if err := p.DeleteProject(admin); err != nil {
		t.Fatal(err)
	}
	if events := p.events(); facts(events) != "project.deleted" || events[0].GetProjectDeleted().GetProjectId() != project.ID {
		t.Errorf("events %v", events)
	}
	for _, table := range []string{"users", "images", "api_key_sets", "config_overrides", "one_time_codes", "guesses"} {
		if n := p.count(`SELECT count(*) FROM `+table+` WHERE project_id = $1`, project.ID); n != 0 {
			t.Errorf("%d rows left in %s", n, table)
		}
	}
	if access, err := p.GetProjectAccess(t.Context(), project.ID); access != nil || err != nil {
		t.Errorf("GetProjectAccess = %v, %v; want nil", access, err)
	}
	_, err := p.replica().GetCurrentProject(access)
	wantError(t, err, apierr.CurrentProjectNotFound(project.ID))
	wantError(t, p.DeleteProject(admin), apierr.CurrentProjectNotFound(project.ID))
	if n := p.count(`SELECT count(*) FROM users WHERE project_id = $1`, stays.ID); n != 1 {
		t.Errorf("%d users of the other project, want 1", n)
	}
}

// The process ended between the commit and the purge.
func TestPurgeDeletedProjects_leftovers_areRemoved(t *testing.T) {
	p := newProjects(t)
	project, stays := p.create(), p.create()
	for _, id := range []string{project.ID, stays.ID} {
		p.exec(`INSERT INTO users (project_id, branch_id, id) VALUES ($1, 'main', gen_random_uuid())`, id)
	}
	admin := p.admin(project.ID)
	p.exec(`UPDATE projects SET deleted_at = now() WHERE id = $1`, project.ID)
	if access, err := p.GetProjectAccess(t.Context(), project.ID); access != nil || err != nil {
		t.Errorf("GetProjectAccess = %v, %v; want nil", access, err)
	}
	for name, use := range map[string]func() error{
		"read":   func() error { _, err := p.GetAdminProject(admin); return err },
		"change": func() error { return p.UpdateConfigOverride(admin, config.Branch, `{"auth.allowSignUp":false}`) },
		"keys": func() error {
			_, _, err := p.CreateAPIKeySet(admin, app.NewAPIKeySet{ExpiresAt: time.Now()})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, use(), apierr.CurrentProjectNotFound(project.ID)) })
	}
	if err := p.PurgeDeletedProjects(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := p.count(`SELECT count(*) FROM projects WHERE id = $1`, project.ID); n != 0 {
		t.Error("the project's row is left")
	}
	if n := p.count(`SELECT count(*) FROM users`); n != 1 {
		t.Errorf("%d users, want that of the other project", n)
	}
}

func TestGetProjectAccess_liveKeysAlone_inOneStatement(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	add := func(expires time.Time) *domain.APIKeySet {
		set, _, err := p.CreateAPIKeySet(p.admin(project.ID), app.NewAPIKeySet{ExpiresAt: expires, SecretServerKey: true})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	live, revoked := add(time.Now().Add(time.Hour)), add(time.Now().Add(time.Hour))
	add(time.Now().Add(-time.Hour))
	if _, err := p.UpdateAPIKeySet(p.admin(project.ID), revoked.ID, patch.Field[string]{}, true); err != nil {
		t.Fatal(err)
	}
	if err := p.UpdateConfigOverride(p.admin(project.ID), config.Project, `{"project.requirePublishableClientKey":true}`); err != nil {
		t.Fatal(err)
	}
	ctx, queries := pg.CountQueries(t.Context())
	access, err := p.GetProjectAccess(ctx, project.ID)
	if err != nil {
		t.Fatal(err)
	}
	if queries.Load() != 1 {
		t.Errorf("%d statements, want 1", queries.Load())
	}
	if access.Version != p.version(project.ID) || !access.RequirePublishableClientKey || len(access.Branches) != 1 || access.Branches[0] != "main" {
		t.Errorf("access %+v", access)
	}
	if len(access.KeySets) != 1 || access.KeySets[0].ID != live.ID || access.KeySets[0].SuperSecretAdminKey != nil ||
		!bytes.Equal(access.KeySets[0].SecretServerKey.Hash, live.SecretServerKey.Hash) {
		t.Errorf("key sets %+v, want the live one", access.KeySets)
	}
	if access, err := p.GetProjectAccess(t.Context(), ids.NewUUID()); access != nil || err != nil {
		t.Errorf("unknown project: %v, %v", access, err)
	}
}

func TestGetCurrentProject_rememberedByVersion(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	for _, step := range []struct {
		name       string
		change     bool
		statements int64
	}{
		{"first", false, 1}, {"again", false, 0}, {"after a change", true, 1}, {"once more", false, 0},
	} {
		if step.change {
			if err := p.UpdateConfigOverride(p.admin(project.ID), config.Environment, `{"auth.passkey.allowSignIn":true}`); err != nil {
				t.Fatal(err)
			}
		}
		ctx, queries := pg.CountQueries(p.on(principal.AccessClient, project.ID))
		got, err := p.GetCurrentProject(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if queries.Load() != step.statements {
			t.Errorf("%s: %d statements, want %d", step.name, queries.Load(), step.statements)
		}
		if got.Project.DisplayName != "Shop" || !got.Client.AllowLocalhost || !got.Client.CredentialEnabled {
			t.Errorf("%s: %+v", step.name, got.Client)
		}
	}
	got, err := p.GetCurrentProject(p.on(principal.AccessClient, project.ID))
	if err != nil || !got.Client.PasskeyEnabled {
		t.Errorf("the change is not seen: %+v, %v", got, err)
	}
}

func TestGetProjectConfig_versions(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	tenant := ids.Tenant{ProjectID: project.ID, BranchID: "main"}
	if _, err := p.GetProjectConfig(t.Context(), tenant, 0); err != nil {
		t.Fatal(err)
	}
	// Another replica makes a change that this one is not told of.
	if err := p.replica().UpdateConfigOverride(p.admin(project.ID), config.Branch, `{"onboarding.requireEmailVerification":true}`); err != nil {
		t.Fatal(err)
	}
	for _, minVersion := range []int64{0, p.version(project.ID)} {
		got, err := p.GetProjectConfig(t.Context(), tenant, minVersion)
		if err != nil || got.Project.Version != p.version(project.ID) || !got.Config.Onboarding.RequireEmailVerification || got.Config.DisplayName != "Shop" {
			t.Errorf("at least %d: %+v, %v", minVersion, got, err)
		}
	}
	_, err := p.GetProjectConfig(t.Context(), tenant, p.version(project.ID)+1)
	wantError(t, err, apierr.Unavailable(0))
	_, err = p.GetProjectConfig(t.Context(), ids.Tenant{ProjectID: ids.NewUUID(), BranchID: "main"}, 0)
	wantError(t, err, apierr.CurrentProjectNotFound(""))
	_, err = p.GetProjectConfig(t.Context(), ids.Tenant{ProjectID: project.ID, BranchID: "dev"}, 0)
	wantError(t, err, apierr.BranchDoesNotExist(""))
}

func TestAuthorizeProjectAdmin(t *testing.T) {
	p := newProjects(t)
	project, foreign := p.create(), p.create()
	delete(p.teams.members, *foreign.OwnerTeamID)
	operator := ids.NewUUID()
	p.exec(`INSERT INTO users (project_id, branch_id, id) VALUES ('internal', 'main', $1)`, operator)
	tenantUser := ids.NewUUID()
	p.exec(`INSERT INTO users (project_id, branch_id, id) VALUES ($1, 'main', $2)`, project.ID, tenantUser)
	for name, tt := range map[string]struct {
		project, user string
		want          app.AdminOutcome
	}{
		"member of the owner team":   {project.ID, operator, app.AdminAllowed},
		"not a member":               {foreign.ID, operator, app.NotAdmin},
		"project without owner":      {"internal", operator, app.NotAdmin},
		"unknown project":            {ids.NewUUID(), operator, app.NotAdmin},
		"deleted user":               {project.ID, ids.NewUUID(), app.OperatorGone},
		"user of the project itself": {project.ID, tenantUser, app.OperatorGone},
		"no user id":                 {project.ID, "x' OR true", app.OperatorGone},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := p.AuthorizeProjectAdmin(t.Context(), tt.project, tt.user); got != tt.want || err != nil {
				t.Errorf("outcome %v, %v; want %v", got, err, tt.want)
			}
		})
	}
	p.teams.err = apierr.Unavailable(time.Second)
	if got, err := p.AuthorizeProjectAdmin(t.Context(), project.ID, operator); got != app.NotAdmin || err == nil {
		t.Errorf("without teams: %v, %v", got, err)
	}
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}
