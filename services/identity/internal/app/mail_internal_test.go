package app_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain/config"
)

func TestListUserIDs_pageByPage_allOfTheBranch(t *testing.T) {
	h := newHarness(t)
	var want []string
	for range 7 {
		want = append(want, h.signUpAnonymously())
	}
	slices.Sort(want)
	var got []string
	for after := ""; ; {
		page, err := h.ListUserIDs(t.Context(), h.tenant, after, 3)
		if err != nil || len(page) > 3 {
			t.Fatalf("%v, %v", page, err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		after = page[len(page)-1]
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	other := ids.Tenant{ProjectID: ids.NewUUID(), BranchID: h.tenant.BranchID}
	if page, err := h.ListUserIDs(t.Context(), other, "", 10); len(page) != 0 || err != nil {
		t.Errorf("another project has %v, %v", page, err)
	}
}

// A template is changed and deleted at the same moment: it does not come back.
// Without the look at the required key inside the change it does.
func TestChangeEnvironmentConfig_requiredKeyGone_changesNothing(t *testing.T) {
	p := newProjects(t)
	project := p.create()
	tenant := ids.Tenant{ProjectID: project.ID, BranchID: "main"}
	theme := "emails.themes." + ids.NewUUID()
	change := func(change app.EnvironmentChange) bool {
		change.Tenant = tenant
		changed, err := p.ChangeEnvironmentConfig(t.Context(), change)
		if err != nil {
			t.Error(err)
		}
		return changed
	}
	if !change(app.EnvironmentChange{Override: `{"` + theme + `":{"displayName":"T","tsxSource":"a"}}`}) {
		t.Fatal("the theme was not created")
	}
	version := p.version(project.ID)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if i == 4 {
				change(app.EnvironmentChange{Override: "{}", ResetKeys: []string{theme}, RequiredKeys: []string{theme}})
				return
			}
			change(app.EnvironmentChange{Override: `{"` + theme + `.tsxSource":"b"}`, RequiredKeys: []string{theme}})
		})
	}
	all.Wait()
	if stored := p.override(project.ID, config.Environment); strings.Contains(stored, theme) {
		t.Errorf("the theme is left in %s", stored)
	}
	if got := p.version(project.ID); got <= version {
		t.Errorf("version %d after %d", got, version)
	}
	before := p.version(project.ID)
	if change(app.EnvironmentChange{Override: `{"` + theme + `.tsxSource":"b"}`, RequiredKeys: []string{theme}}) || p.version(project.ID) != before {
		t.Error("a theme that is gone was changed")
	}
	if _, err := p.ChangeEnvironmentConfig(t.Context(), app.EnvironmentChange{Tenant: tenant, Override: `{"emails.nonsense":1}`}); err == nil {
		t.Error("a key that does not exist was written")
	}
}

func TestListProjectOwners_membersWithAddress_inOrder(t *testing.T) {
	p := &projects{harness: newHarness(t)}
	var owners []string
	for _, email := range []string{"zoe@example.com", "ada@example.com"} {
		owners = append(owners, p.signUp(email))
	}
	nameless := p.signUpAnonymously()
	p.App = p.replica()
	project := p.create()
	p.teams.memberIDs = map[string][]string{*project.OwnerTeamID: append(owners, nameless, ids.NewUUID())}
	if emails, err := p.ListProjectOwners(t.Context(), project.ID); err != nil || !slices.Equal(emails, []string{"ada@example.com", "zoe@example.com"}) {
		t.Errorf("%v, %v", emails, err)
	}
	if emails, err := p.ListProjectOwners(t.Context(), ids.NewUUID()); err != nil || len(emails) != 0 {
		t.Errorf("a project that does not exist is owned by %v, %v", emails, err)
	}
}
