package app_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// names lists users by display name.
func (h *harness) names(in app.UserListing) string {
	h.t.Helper()
	page, err := h.ListUsers(h.server(), in)
	if err != nil {
		h.t.Fatal(err)
	}
	if page.NextCursor != "" && in.Limit == 0 {
		h.t.Error("a next page without limit")
	}
	return names(page)
}

func names(page *app.UserPage) string {
	var found []string
	for _, user := range page.Users {
		if user.DisplayName == nil {
			found = append(found, "-")
			continue
		}
		found = append(found, *user.DisplayName)
	}
	return strings.Join(found, " ")
}

// people creates users that were signed up one after the other, the last one
// active first.
func (h *harness) people() map[string]string {
	h.t.Helper()
	created := map[string]string{}
	for i, person := range []struct {
		name   string
		fields app.UserPatch
	}{
		{"Ada", withEmail("ada@example.com", verified)},
		{"Bob", withEmail("bob@example.com")},
		{"Cyd", app.UserPatch{RestrictedByAdmin: patch.Value(true)}},
		{"Dan", app.UserPatch{}},
		{"Eve", app.UserPatch{IsAnonymous: patch.Value(true)}},
		{"Fay", withEmail("fay_100%@example.com", verified)},
	} {
		person.fields.DisplayName = patch.Value(person.name)
		id := h.create(person.fields).ID
		created[person.name] = id
		h.exec(`UPDATE users SET signed_up_at = now() + $1 * interval '1 hour' WHERE id = $2`, i, id)
		h.exec(`UPDATE user_activity SET last_active_at = now() - $1 * interval '1 hour' WHERE user_id = $2`, i, id)
	}
	return created
}

func verified(fields *app.UserPatch) { fields.PrimaryEmailVerified = patch.Value(true) }

func TestListUsers_flags_showWhoIsWanted(t *testing.T) {
	h := newHarness(t)
	h.people()
	for name, tt := range map[string]struct {
		listing         app.UserListing
		plain, verified string
	}{
		"none":       {app.UserListing{}, "Ada Bob Dan Fay", "Ada Fay"},
		"restricted": {app.UserListing{IncludeRestricted: true}, "Ada Bob Cyd Dan Fay", "Ada Bob Cyd Dan Fay"},
		"anonymous":  {app.UserListing{IncludeAnonymous: true}, "Ada Bob Cyd Dan Eve Fay", "Ada Bob Cyd Dan Eve Fay"},
		"only":       {app.UserListing{IncludeAnonymous: true, OnlyAnonymous: true}, "Eve", "Eve"},
	} {
		h.config.Onboarding.RequireEmailVerification = false
		if got := h.names(tt.listing); got != tt.plain {
			t.Errorf("%s: %s, want %s", name, got, tt.plain)
		}
		h.config.Onboarding.RequireEmailVerification = true
		if got := h.names(tt.listing); got != tt.verified {
			t.Errorf("%s, verification required: %s, want %s", name, got, tt.verified)
		}
		tt.listing.Order = app.ByLastActiveAt
		if got := strings.Fields(h.names(tt.listing)); strings.Join(reversed(got), " ") != tt.verified {
			t.Errorf("%s, by activity: %s, want %s backwards", name, got, tt.verified)
		}
	}
	if _, err := h.ListUsers(h.server(), app.UserListing{OnlyAnonymous: true, TeamID: ids.Nil}); !isText(err, 400) {
		t.Errorf("only_anonymous alone: %v", err)
	}
}

func reversed(list []string) []string {
	slices.Reverse(list)
	return list
}

func TestListUsers_orders_goBothWays(t *testing.T) {
	h := newHarness(t)
	h.people()
	for _, tt := range []struct {
		order app.UserOrder
		desc  bool
		want  string
	}{
		{"", false, "Ada Bob Dan Fay"},
		{app.BySignedUpAt, true, "Fay Dan Bob Ada"},
		{app.ByLastActiveAt, false, "Fay Dan Bob Ada"},
		{app.ByLastActiveAt, true, "Ada Bob Dan Fay"},
	} {
		if got := h.names(app.UserListing{Order: tt.order, Desc: tt.desc}); got != tt.want {
			t.Errorf("%s, desc %v: %s, want %s", tt.order, tt.desc, got, tt.want)
		}
	}
}

// Every user is on one page, whatever the order and the size of the pages, also
// those who signed up at the same moment.
func TestListUsers_pages_coverEverybodyOnce(t *testing.T) {
	h := newHarness(t)
	for i := range 11 {
		h.create(app.UserPatch{DisplayName: patch.Value(fmt.Sprint(i))})
	}
	h.exec(`UPDATE users SET signed_up_at = date_trunc('hour', now()) + ((hashtext(display_name) & 1) * interval '1 hour')`)
	h.exec(`UPDATE user_activity SET last_active_at = date_trunc('hour', now())`)
	for _, order := range []app.UserOrder{app.BySignedUpAt, app.ByLastActiveAt} {
		for _, desc := range []bool{false, true} {
			all := h.names(app.UserListing{Order: order, Desc: desc})
			for _, limit := range []int{1, 3, 11, 12} {
				var got []string
				listing := app.UserListing{Order: order, Desc: desc, Limit: limit}
				for pages := 1; ; pages++ {
					page, err := h.ListUsers(h.server(), listing)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, names(page))
					if page.NextCursor == "" {
						if want := (11 + limit - 1) / limit; pages != want {
							t.Errorf("%d pages of %d, want %d", pages, limit, want)
						}
						break
					}
					if len(page.Users) != limit {
						t.Errorf("a page of %d, want %d", len(page.Users), limit)
					}
					listing.Cursor = page.NextCursor
				}
				if strings.Join(got, " ") != all {
					t.Errorf("%s, desc %v, pages of %d: %v, want %s", order, desc, limit, got, all)
				}
			}
		}
	}
	if got := h.names(app.UserListing{Cursor: ids.NewUUID()}); got != "" {
		t.Errorf("from an unknown user on: %s", got)
	}
}

func TestListUsers_query_findsNamesAddressesAndIds(t *testing.T) {
	h := newHarness(t)
	people := h.people()
	h.addChannel(app.NewContactChannel{UserID: people["Dan"], Value: "daniel@work.example"})
	for query, want := range map[string]string{
		"ada": "Ada", "AY": "Fay", "EXAMPLE.COM": "Ada Bob Fay", "daniel@": "Dan", "nobody": "",
		// No wildcards.
		"_100%": "Fay", "%": "Fay", "_": "Fay", "a_a": "", `\`: "", `a\`: "", "'": "",
		people["Bob"]:                           "Bob",
		"  " + people["Bob"] + "!":              "Bob",
		strings.ToUpper(people["Bob"]):          "",
		people["Bob"][:20]:                      "",
		"{" + people["Cyd"] + "}":               "",
		"ada\nada@example.com\x01\U0001F600":    "",
		strings.Repeat("a very long query ", 9): "",
	} {
		if got := h.names(app.UserListing{Search: query}); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	// Whoever is renamed or gets, changes or loses an address is found by what
	// they have now.
	bob := people["Bob"]
	h.update(bob, app.UserPatch{DisplayName: patch.Value("Robert"), PrimaryEmail: patch.Value("robert@new.example")})
	for query, want := range map[string]string{"robert": "Robert", "bob@example.com": "Robert", "bob": "Robert", "robert@new": "Robert"} {
		if got := h.names(app.UserListing{Search: query}); got != want {
			t.Errorf("renamed, %q: %s, want %s", query, got, want)
		}
	}
	if _, err := h.UpdateContactChannel(h.server(), bob, h.channel(bob, "bob@example.com"), app.ContactChannelPatch{Value: patch.Value("moved@example.com")}); err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteContactChannel(h.server(), bob, h.channel(bob, "robert@new.example")); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{"bob": "", "moved": "Robert", "robert@new": ""} {
		if got := h.names(app.UserListing{Search: query}); got != want {
			t.Errorf("moved, %q: %s, want %s", query, got, want)
		}
	}
	if n := h.count(`SELECT count(*) FROM user_search_texts`); n != 6 {
		t.Errorf("%d texts", n)
	}
	if err := h.deleteUser(bob); err != nil {
		t.Fatal(err)
	}
	if n := h.count(`SELECT (SELECT count(*) FROM user_search_texts) * 100 + (SELECT count(*) FROM user_activity)`); n != 505 {
		t.Errorf("texts and activities %d", n)
	}
}

func TestListUsers_team_listsItsMembers(t *testing.T) {
	h := newHarness(t)
	people := h.people()
	team := ids.NewUUID()
	h.teams.memberIDs = map[string][]string{team: {people["Bob"], people["Cyd"], people["Fay"], ids.NewUUID()}}
	for _, order := range []app.UserOrder{app.BySignedUpAt, app.ByLastActiveAt} {
		if got := h.names(app.UserListing{TeamID: team, Order: order, Desc: order == app.ByLastActiveAt}); got != "Bob Fay" {
			t.Errorf("%s: %s", order, got)
		}
	}
	if got := h.names(app.UserListing{TeamID: team, IncludeRestricted: true, Search: "c"}); got != "Bob Cyd Fay" {
		t.Errorf("restricted and search: %s", got)
	}
	if got := h.names(app.UserListing{TeamID: ids.NewUUID()}); got != "" {
		t.Errorf("unknown team: %s", got)
	}
}

// Whatever users write about themselves, a page of them takes bounded memory and
// everybody is on one.
func TestListUsers_largeUsers_areOnShorterPages(t *testing.T) {
	h := newHarness(t)
	h.exec(`INSERT INTO users (project_id, branch_id, id, client_metadata, server_metadata, signed_up_at)
		SELECT $1, $2, gen_random_uuid(), to_json(repeat('x', 500000)), to_json(repeat('y', 500000)), now() + n * interval '1 second'
		FROM generate_series(1, 20) n`, h.tenant.ProjectID, h.tenant.BranchID)
	for _, order := range []app.UserOrder{app.BySignedUpAt, app.ByLastActiveAt} {
		seen, pages := map[string]bool{}, 0
		for listing := (app.UserListing{Limit: 100, Order: order}); pages == 0 || listing.Cursor != ""; pages++ {
			page, err := h.ListUsers(h.server(), listing)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Users) == 0 || len(page.Users) > 9 {
				t.Fatalf("a page of %d megabytes", len(page.Users))
			}
			for _, user := range page.Users {
				seen[user.ID] = true
			}
			listing.Cursor = page.NextCursor
		}
		if len(seen) != 20 {
			t.Errorf("%s: %d users on %d pages", order, len(seen), pages)
		}
	}
	if _, err := h.ListUsers(h.server(), app.UserListing{}); !isText(err, 400) {
		t.Errorf("all on one page: %v", err)
	}
}

func TestListUsers_largeTeams_areOnShorterPages(t *testing.T) {
	h := newHarness(t)
	h.exec(`INSERT INTO users (project_id, branch_id, id, selected_team_id)
		SELECT $1, $2, gen_random_uuid(), gen_random_uuid() FROM generate_series(1, 150) n`, h.tenant.ProjectID, h.tenant.BranchID)
	h.teams.anyTeam = &domain.Team{DisplayName: "Large", ClientMetadata: json.RawMessage(`"` + strings.Repeat("x", 100_000) + `"`)}
	first, err := h.ListUsers(h.server(), app.UserListing{Limit: 150})
	if err != nil || len(first.Users) != 100 || first.NextCursor == "" {
		t.Fatalf("%d users, %v", len(first.Users), err)
	}
	second, err := h.ListUsers(h.server(), app.UserListing{Limit: 150, Cursor: first.NextCursor})
	if err != nil || len(second.Users) != 50 || second.NextCursor != "" || second.Users[49].SelectedTeam == nil {
		t.Errorf("%d users, %v", len(second.Users), err)
	}
}

func TestListUsers_selectedTeams_comeInOneCall(t *testing.T) {
	h := newHarness(t)
	h.people()
	mine, left := team("Mine"), ids.NewUUID()
	h.teams.members[mine.ID] = mine
	h.exec(`UPDATE users SET selected_team_id = CASE WHEN display_name = 'Ada' THEN $1::uuid ELSE $2::uuid END WHERE display_name <> 'Dan'`, mine.ID, left)
	ctx, statements := pg.CountQueries(h.server())
	page, err := h.ListUsers(ctx, app.UserListing{})
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range page.Users {
		if selected := user.SelectedTeam != nil && user.SelectedTeam.DisplayName == "Mine" && user.SelectedTeamID != nil; selected != (*user.DisplayName == "Ada") {
			t.Errorf("%s selects %+v", *user.DisplayName, user.SelectedTeam)
		}
	}
	if h.teams.batches != 1 || statements.Load() != 1 {
		t.Errorf("%d calls, %d statements", h.teams.batches, statements.Load())
	}
}

func TestListUsers_otherTenants_areNotSeen(t *testing.T) {
	h := newHarness(t)
	own := h.people()
	for name, change := range map[string]func(*principal.Principal){
		"project": func(p *principal.Principal) { p.ProjectID = "other" },
		"branch":  func(p *principal.Principal) { p.BranchID = "dev" },
	} {
		ctx := h.as(principal.AccessServer, "", change)
		for _, listing := range []app.UserListing{
			{}, {IncludeAnonymous: true}, {Cursor: own["Ada"]}, {Search: "ada"}, {Search: own["Ada"]}, {Order: app.ByLastActiveAt, Cursor: own["Ada"]},
		} {
			if page, err := h.ListUsers(ctx, listing); err != nil || len(page.Users) != 0 {
				t.Errorf("another %s, %+v: %v, %v", name, listing, page, err)
			}
		}
	}
}
