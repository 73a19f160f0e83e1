package app_test

import (
	"fmt"
	"strings"
	"testing"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

const good = "---\nformat: hx-template/1\nsubject: S\ncategory: Marketing\n---\n<p>x</p>"

func TestEmailTemplates_changed(t *testing.T) {
	f := newFixture(t)
	admin := as(t, principal.AccessAdmin, "")
	for name, err := range map[string]error{
		"create": second(f.CreateEmailTemplate(admin, "T")),
		"update": second(f.UpdateEmailTemplate(admin, ids.NewUUID(), "nonsense", nil)),
		"delete": f.DeleteEmailTemplate(admin, ids.NewUUID()),
	} {
		if answer(err) != "REQUIRES_CUSTOM_EMAIL_SERVER" {
			t.Errorf("%s on the shared server: %v", name, err)
		}
	}
	f.ownServer()
	id, err := f.CreateEmailTemplate(admin, "Mine")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.UpdateEmailTemplate(admin, ids.NewUUID(), good, nil); answer(err) != "Not Found" {
		t.Errorf("an unknown template: %v", err)
	}
	for _, bad := range []string{
		"", "<p>x</p>", "export function EmailTemplate() { process.exit() }", strings.Replace(good, "subject: S\n", "", 1), strings.Replace(good, "category: Marketing\n", "", 1),
		good + "{{ constructor.constructor }}", good + "{{#each variables}}{{/each}}", good + strings.Repeat("x", 300<<10),
	} {
		if _, err := f.UpdateEmailTemplate(admin, id, bad, nil); answer(err) != "EMAIL_RENDERING_ERROR" || details(err)["error"] == "" {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
	html, err := f.UpdateEmailTemplate(admin, strings.ToUpper(id), good, &projectconfig.ThemeChoice{None: true})
	if err != nil || !strings.Contains(html, "<p>x</p>") || !strings.Contains(html, `class="card"`) {
		t.Errorf("%s, %v", html, err)
	}
	list, err := f.ListEmailTemplates(admin)
	if err != nil || len(list) != len(letter.Templates)+1 {
		t.Fatalf("%d templates, %v", len(list), err)
	}
	if last := list[len(list)-1]; last.ID != id || last.DisplayName != "Mine" || last.Source != good || !last.Theme.None {
		t.Errorf("the template is %+v", last)
	}
	// A built-in one is overridden and comes back.
	builtIn := letter.Templates[0]
	if _, err := f.UpdateEmailTemplate(admin, builtIn.ID, good, nil); err != nil {
		t.Fatal(err)
	}
	if list, _ = f.ListEmailTemplates(admin); list[0].Source != good || list[0].DisplayName != builtIn.DisplayName {
		t.Errorf("overridden it is %+v", list[0])
	}
	for _, gone := range []string{builtIn.ID, id} {
		if err := f.DeleteEmailTemplate(admin, gone); err != nil {
			t.Error(err)
		}
	}
	if list, _ = f.ListEmailTemplates(admin); len(list) != len(letter.Templates) || list[0].Source != builtIn.Source {
		t.Errorf("afterwards there are %d", len(list))
	}
	if err := f.DeleteEmailTemplate(admin, id); answer(err) != "Not Found" {
		t.Errorf("deleted again: %v", err)
	}
}

func second(_ string, err error) error { return err }

func TestEmailThemes_changed(t *testing.T) {
	f := newFixture(t) // with the shared server
	admin := as(t, principal.AccessAdmin, "")
	id, err := f.CreateEmailTheme(admin, "Mine")
	if err != nil {
		t.Fatal(err)
	}
	theme, err := f.GetEmailTheme(admin, strings.ToUpper(id))
	if err != nil || theme.Source != letter.Themes[0].Source || theme.DisplayName != "Mine" {
		t.Errorf("%+v, %v", theme, err)
	}
	for _, bad := range []string{"", " ", "<html>{{ children }}</html>", "---\nformat: hx-template/1\n---\n<p>no place</p>", good} {
		if _, err := f.UpdateEmailTheme(admin, id, bad); answer(err) != "EMAIL_RENDERING_ERROR" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	frame := "---\nformat: hx-template/1\n---\n<html><body><hr>{{ children }}</body></html>"
	if theme, err = f.UpdateEmailTheme(admin, id, frame); err != nil || theme.DisplayName != "Mine" {
		t.Errorf("%+v, %v", theme, err)
	}
	list, err := f.ListEmailThemes(admin)
	if err != nil || len(list) != 4 || list[0].DisplayName != "Default Light" || list[2].DisplayName != "Default Colorful" || list[3].ID != id {
		t.Errorf("%+v, %v", list, err)
	}
	f.configs.set(func(c *configs) { c.config.Emails.SelectedThemeID = id })
	if err := f.DeleteEmailTheme(admin, id); answer(err) != "Bad Request" {
		t.Errorf("the selected theme: %v", err)
	}
	f.configs.set(func(c *configs) { c.config.Emails.SelectedThemeID = letter.DefaultThemeID })
	if err := f.DeleteEmailTheme(admin, id); err != nil {
		t.Error(err)
	}
	for _, err := range []error{f.DeleteEmailTheme(admin, id), third(f.GetEmailTheme(admin, id)), third(f.UpdateEmailTheme(admin, id, frame))} {
		if answer(err) != "Not Found" {
			t.Errorf("a theme that is gone: %v", err)
		}
	}
}

func third(_ *app.EmailTheme, err error) error { return err }

func TestEmailDrafts_changed(t *testing.T) {
	f := newFixture(t)
	admin := as(t, principal.AccessAdmin, "")
	id, err := f.CreateEmailDraft(admin, app.EmailDraft{DisplayName: "D", Theme: projectconfig.ThemeChoice{ID: letter.Themes[1].ID}})
	if err != nil {
		t.Fatal(err)
	}
	draft, err := f.GetEmailDraft(admin, id)
	if err != nil || draft.Source != letter.StarterDraft || draft.Theme.ID != letter.Themes[1].ID || draft.SentAt != nil {
		t.Errorf("%+v, %v", draft, err)
	}
	// Anything may be written down; without a theme it is the project's again.
	if err := f.UpdateEmailDraft(admin, id, app.DraftChange{Source: new("import React")}); err != nil {
		t.Fatal(err)
	}
	if draft, err = f.GetEmailDraft(admin, id); err != nil || draft.Source != "import React" || draft.DisplayName != "D" || draft.Theme != (projectconfig.ThemeChoice{}) {
		t.Errorf("%+v, %v", draft, err)
	}
	later, err := f.CreateEmailDraft(admin, app.EmailDraft{DisplayName: "E", Source: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := f.ListEmailDrafts(admin); err != nil || len(list) != 2 || list[0].ID != later {
		t.Errorf("%+v, %v", list, err)
	}
	large := strings.Repeat("x", 5<<20)
	if _, err := f.CreateEmailDraft(admin, app.EmailDraft{DisplayName: "L", Source: large}); err != nil {
		t.Error(err)
	}
	if _, err := f.CreateEmailDraft(admin, app.EmailDraft{DisplayName: "L", Source: large}); answer(err) != "Bad Request" {
		t.Errorf("too much: %v", err)
	}
	if err := f.UpdateEmailDraft(admin, id, app.DraftChange{Source: &large}); answer(err) != "Bad Request" {
		t.Errorf("too much: %v", err)
	}
	foreign := principal.NewContext(t.Context(), principal.Principal{ProjectID: "q", BranchID: "main", Access: principal.AccessAdmin})
	if _, err := f.GetEmailDraft(foreign, id); answer(err) != "Not Found" {
		t.Errorf("another project's: %v", err)
	}
	if err := f.UpdateEmailDraft(foreign, id, app.DraftChange{}); answer(err) != "Not Found" {
		t.Errorf("another project's: %v", err)
	}
	if err := f.DeleteEmailDraft(foreign, id); answer(err) != "Not Found" {
		t.Errorf("another project's: %v", err)
	}
	if err := f.DeleteEmailDraft(admin, id); err != nil {
		t.Error(err)
	}
	if err := f.DeleteEmailDraft(admin, id); answer(err) != "Not Found" {
		t.Errorf("deleted again: %v", err)
	}
}

func TestRenderEmail_sources(t *testing.T) {
	f := newFixture(t)
	admin := as(t, principal.AccessAdmin, "")
	frame := "---\nformat: hx-template/1\n---\n<html><body><hr>{{ children }}{{#if unsubscribeLink}}<a href=\"{{ unsubscribeLink }}\">out</a>{{/if}}</body></html>"
	template := "---\nformat: hx-template/1\nvariables:\n  n: string\npreview:\n  n: <N>\n---\n<p>{{ user.displayName }} {{ variables.n }}</p>"
	got, err := f.RenderEmail(admin, app.PreviewRequest{TemplateSource: &template, ThemeSource: &frame})
	if err != nil || got.Subject != "" || got.Category != "" || !strings.Contains(got.HTML, `<hr><p>John Doe &lt;N&gt;</p><a href="https://example.com">out</a>`) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, id := range []string{letter.Templates[2].ID, strings.ToUpper(letter.Templates[0].ID)} {
		for _, theme := range []projectconfig.ThemeChoice{{}, {None: true}, {ID: letter.Themes[2].ID}} {
			if got, err := f.RenderEmail(admin, app.PreviewRequest{TemplateID: &id, Theme: theme}); err != nil || got.Category != "Transactional" || got.Subject == "" {
				t.Errorf("%s in %+v: %v", id, theme, err)
			}
		}
	}
	unknown := ids.NewUUID()
	for want, ask := range map[string]app.PreviewRequest{
		"Bad Request":           {TemplateID: &unknown, Theme: projectconfig.ThemeChoice{ID: unknown}},
		"EMAIL_RENDERING_ERROR": {TemplateSource: new("<p>x</p>")},
	} {
		if _, err := f.RenderEmail(admin, ask); answer(err) != want {
			t.Errorf("%+v: %v, want %s", ask, err, want)
		}
	}
	missing := "---\nformat: hx-template/1\nvariables:\n  n: string\n---\n{{ variables.n }}"
	if _, err := f.RenderEmail(admin, app.PreviewRequest{TemplateSource: &missing}); answer(err) != "EMAIL_RENDERING_ERROR" || !strings.Contains(fmt.Sprint(details(err)["error"]), "n is missing") {
		t.Errorf("without a sample value: %v", err)
	}
}

func TestEnqueueEmail_locale(t *testing.T) {
	f := newFixture(t)
	german := ask("ada@example.com")
	german.Locale = "de-AT,en;q=0.5"
	id := f.enqueue(german)
	f.step(f.App)
	if got := f.outbox(id).Subject; got != "Bestätige deine E-Mail-Adresse bei Analytical Engines" {
		t.Errorf("the subject is %q", got)
	}
	f.cfg.Locale = "de"
	if err := f.replica(f.db).EnqueueEmail(t.Context(), german); err != nil {
		t.Fatal(err)
	}
	installation := ask("ada@example.com")
	if err := f.replica(f.db).EnqueueEmail(t.Context(), installation); err != nil {
		t.Fatal(err)
	}
	f.step(f.App)
	if got := f.outbox(installation.ID).Subject; !strings.HasPrefix(got, "Bestätige") {
		t.Errorf("in a German installation the subject is %q", got)
	}
}
