package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
)

// pixel is a GIF of one pixel.
const pixel = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

func TestCreateTeam_client_becomesCreatorWithDefaults(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	team, err := f.CreateTeam(f.client(ada), app.NewTeam{DisplayName: "", ClientMetadata: json.RawMessage(`[1]`)})
	if err != nil || team.DisplayName != "" || string(team.ClientMetadata) != "[1]" || team.CreatedAt.IsZero() {
		t.Fatalf("CreateTeam = %+v, %v", team, err)
	}
	events := f.events()
	if facts(events) != "team.created" || events[0].GetTeamCreated().GetCreatorUserId() != ada ||
		events[0].GetTeamCreated().GetTeam().GetFields()["created_at_millis"].GetNumberValue() == 0 {
		t.Errorf("events %v", events)
	}
	held, err := f.ListTeamPermissions(f.client(ada), app.PermissionFilter{UserID: &ada})
	if err != nil || len(held) != 1 || held[0] != (app.HeldPermission{ID: "team_admin", TeamID: team.ID, UserID: ada}) {
		t.Errorf("the creator holds %v, %v", held, err)
	}
}

func TestCreateTeam_checks_comeInOrder(t *testing.T) {
	f := newFixture(t)
	ada, grace := f.user("Ada"), f.user("Grace")
	yes := true
	image := "https://example.com/a.png"
	both := app.NewTeam{CreatorUserID: &grace, AddCurrentUser: &yes, ProfileImageURL: &image}
	f.projects.config.Teams.AllowClientTeamCreation = false

	_, err := f.CreateTeam(f.client(""), both)
	wantText(t, err, http.StatusBadRequest)
	both.AddCurrentUser = nil
	_, err = f.CreateTeam(f.client(""), both)
	wantError(t, err, apierr.UserAuthenticationRequired())
	_, err = f.CreateTeam(f.client(ada), both)
	wantText(t, err, http.StatusForbidden)
	f.projects.config.Teams.AllowClientTeamCreation = true
	_, err = f.CreateTeam(f.client(ada), both)
	wantText(t, err, http.StatusBadRequest)
	both.ProfileImageURL = nil
	_, err = f.CreateTeam(f.client(ada), both)
	wantText(t, err, http.StatusForbidden)
	_, err = f.CreateTeam(f.server(), app.NewTeam{AddCurrentUser: &yes})
	wantText(t, err, http.StatusUnauthorized)
	nobody := ids.NewUUID()
	_, err = f.CreateTeam(f.server(), app.NewTeam{CreatorUserID: &nobody})
	wantError(t, err, apierr.UserNotFound())
	if n := f.count(`SELECT count(*) FROM teams`); n != 0 {
		t.Errorf("%d teams were created", n)
	}
}

func TestCreateTeam_server_withAndWithoutCreator(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	yes := true
	for _, tt := range []struct {
		in      app.NewTeam
		members int
	}{
		{app.NewTeam{DisplayName: "Nobody's"}, 0},
		{app.NewTeam{DisplayName: "Ada's", CreatorUserID: &ada}, 1},
		{app.NewTeam{DisplayName: "Ada's too", AddCurrentUser: &yes}, 1},
	} {
		team, err := f.CreateTeam(f.as(principal.AccessServer, ada), tt.in)
		if err != nil {
			t.Fatal(err)
		}
		members, err := f.ListTeamMembers(t.Context(), tenant, team.ID, "")
		if err != nil || len(members) != tt.members {
			t.Errorf("%s has members %v, %v", tt.in.DisplayName, members, err)
		}
	}
	if got := facts(f.events()); got != "team.created team.created team.created" {
		t.Errorf("events %s", got)
	}
}

func TestCreateTeam_deletedUser_isNobody(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	if _, err := f.RemoveUser(t.Context(), tenant, ada); err != nil {
		t.Fatal(err)
	}
	_, err := f.CreateTeam(f.client(ada), app.NewTeam{})
	wantError(t, err, apierr.UserAuthenticationRequired())
	_, err = f.CreateTeam(f.server(), app.NewTeam{CreatorUserID: &ada})
	wantError(t, err, apierr.UserNotFound())
}

func TestCreateTeam_deletedProject_isRefused(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	if err := f.PurgeProject(t.Context(), tenant.ProjectID); err != nil {
		t.Fatal(err)
	}
	_, err := f.CreateTeam(f.server(), app.NewTeam{})
	wantError(t, err, apierr.CurrentProjectNotFound(""))
	_, err = f.CreateTeam(f.client(ada), app.NewTeam{})
	wantError(t, err, apierr.UserAuthenticationRequired())
}

func TestListTeams_pages_followTheCursor(t *testing.T) {
	f := newFixture(t)
	ada, grace := f.user("Ada"), f.user("Grace")
	var all []string
	for _, name := range []string{"Alpha", "beta", "Gamma%", "alphabet"} {
		team, err := f.CreateTeam(f.server(), app.NewTeam{DisplayName: name, CreatorUserID: &ada})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, team.ID)
	}
	alpha, alphabet := all[0], all[3]
	// Two were created at the same moment: their ids decide.
	f.exec(`UPDATE teams SET created_at = (SELECT created_at FROM teams WHERE id = $1) WHERE id = $2`, all[0], all[1])
	if all[0] > all[1] {
		all[0], all[1] = all[1], all[0]
	}
	backwards := slices.Clone(all)
	slices.Reverse(backwards)
	for name, tt := range map[string]struct {
		filter app.TeamFilter
		want   []string
	}{
		"all":         {app.TeamFilter{}, all},
		"newest":      {app.TeamFilter{NewestFirst: true}, backwards},
		"of the user": {app.TeamFilter{UserID: &ada}, all},
		"of a nobody": {app.TeamFilter{UserID: new(ids.NewUUID())}, nil},
		"by name":     {app.TeamFilter{Query: new("ALPHA")}, []string{alpha, alphabet}},
		"by wildcard": {app.TeamFilter{Query: new("%")}, []string{all[2]}},
		"by id":       {app.TeamFilter{Query: new(strings.ToUpper(all[2]))}, []string{all[2]}},
		"unknown":     {app.TeamFilter{Cursor: new(ids.NewUUID()), Limit: 2}, nil},
		"not listed":  {app.TeamFilter{UserID: &grace, Cursor: &all[0], Limit: 2}, nil},
	} {
		page, err := f.ListTeams(f.server(), tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		got := teamIDs(page)
		if name == "by name" {
			slices.Sort(got)
			slices.Sort(tt.want)
		}
		if !slices.Equal(got, tt.want) || page.Paginated != (tt.filter.Limit > 0) || page.NextCursor != nil {
			t.Errorf("%s: %v in %+v, want %v", name, got, page, tt.want)
		}
	}
	for _, newest := range []bool{false, true} {
		var walked []string
		filter := app.TeamFilter{Limit: 3, NewestFirst: newest}
		for {
			page, err := f.ListTeams(f.server(), filter)
			if err != nil {
				t.Fatal(err)
			}
			walked = append(walked, teamIDs(page)...)
			if filter.Cursor = page.NextCursor; filter.Cursor == nil {
				break
			}
		}
		want := all
		if newest {
			want = backwards
		}
		if !slices.Equal(walked, want) {
			t.Errorf("newest first %v: walked %v, want %v", newest, walked, want)
		}
	}
}

func teamIDs(page *app.TeamPage) (list []string) {
	for _, team := range page.Teams {
		list = append(list, team.ID)
	}
	return list
}

func TestListTeams_client_seesItsOwnAlone(t *testing.T) {
	f := newFixture(t)
	ada, grace := f.user("Ada"), f.user("Grace")
	mine := f.team(ada)
	f.team(grace)
	page, err := f.ListTeams(f.client(ada), app.TeamFilter{UserID: &ada})
	if err != nil || !slices.Equal(teamIDs(page), []string{mine}) {
		t.Errorf("ListTeams = %v, %v", page, err)
	}
	_, err = f.ListTeams(f.client(""), app.TeamFilter{UserID: &ada})
	wantError(t, err, apierr.CannotGetOwnUserWithoutUser())
	for _, userID := range []*string{nil, &grace} {
		_, err = f.ListTeams(f.client(ada), app.TeamFilter{UserID: userID})
		wantText(t, err, http.StatusForbidden)
	}
	_, err = f.ListTeams(f.client(ada), app.TeamFilter{UserID: &ada, Cursor: &mine})
	wantError(t, err, apierr.SchemaError())
}

func TestGetTeam_strangersAndServers(t *testing.T) {
	f := newFixture(t)
	ada, grace, gone := f.user("Ada"), f.user("Grace"), f.user("Gone")
	teamID := f.team(ada)
	if _, err := f.RemoveUser(t.Context(), tenant, gone); err != nil {
		t.Fatal(err)
	}
	ctx, queries := pg.CountQueries(f.client(ada))
	if team, err := f.GetTeam(ctx, teamID); err != nil || team.ID != teamID {
		t.Errorf("GetTeam = %v, %v", team, err)
	}
	if queries.Load() != 1 {
		t.Errorf("GetTeam cost %d statements, want 1", queries.Load())
	}
	for name, tt := range map[string]struct {
		userID, teamID string
		want           *apierr.Error
	}{
		"signed out":     {"", teamID, apierr.UserAuthenticationRequired()},
		"stranger":       {grace, teamID, apierr.TeamMembershipNotFound(teamID, grace)},
		"no such team":   {ada, ids.NewUUID(), apierr.TeamMembershipNotFound("", ada)},
		"deleted caller": {gone, teamID, apierr.UserNotFound()},
	} {
		_, err := f.GetTeam(f.client(tt.userID), tt.teamID)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	_, err := f.GetTeam(f.server(), ids.NewUUID())
	wantError(t, err, apierr.TeamNotFound(""))
}

func TestUpdateTeam_fields_areReplacedOrKept(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	team, err := f.UpdateTeam(f.server(), teamID, app.TeamPatch{
		DisplayName: patch.Value("Renamed"), ServerMetadata: patch.Value(json.RawMessage(`{"a":1}`)),
		ProfileImageURL: patch.Value("https://example.com/t.png"),
	})
	if err != nil || team.DisplayName != "Renamed" || *team.ProfileImageURL != "https://example.com/t.png" {
		t.Fatalf("UpdateTeam = %+v, %v", team, err)
	}
	team, err = f.UpdateTeam(f.client(ada), teamID, app.TeamPatch{ProfileImageURL: patch.Null[string]()})
	if err != nil || team.DisplayName != "Renamed" || team.ProfileImageURL != nil || string(team.ServerMetadata) != `{"a":1}` {
		t.Errorf("UpdateTeam = %+v, %v", team, err)
	}
	events := f.events()
	if facts(events) != "team.updated team.updated" || events[1].GetAggregateVersion() != 3 ||
		events[1].GetTeamUpdated().GetTeam().GetFields()["server_metadata"].GetStructValue() == nil {
		t.Errorf("events %v", events)
	}
}

func TestUpdateTeam_client_needsPermission(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	member := f.join(teamID)
	fields := app.TeamPatch{DisplayName: patch.Value("Mine now")}
	_, err := f.UpdateTeam(f.client(""), teamID, fields)
	wantError(t, err, apierr.UserAuthenticationRequired())
	_, err = f.UpdateTeam(f.client(f.user("Stranger")), teamID, fields)
	wantError(t, err, apierr.TeamMembershipNotFound("", ""))
	_, err = f.UpdateTeam(f.client(member), teamID, fields)
	wantError(t, err, apierr.TeamPermissionRequired("", "", ""))
	known, _ := errors.AsType[*apierr.Error](err)
	if known.Details["permission_id"] != "$update_team" || known.Details["team_id"] != teamID || known.Details["user_id"] != member {
		t.Errorf("details %v", known.Details)
	}
	_, err = f.UpdateTeam(f.client(""), teamID, app.TeamPatch{ProfileImageURL: patch.Value("https://example.com/x.png")})
	wantText(t, err, http.StatusBadRequest)
	_, err = f.UpdateTeam(f.server(), ids.NewUUID(), fields)
	wantError(t, err, apierr.TeamNotFound(""))
	if got := f.events(); len(got) != 0 {
		t.Errorf("events %s", facts(got))
	}
}

func TestUpdateTeam_image_isServedWhileItIsShown(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	team, err := f.UpdateTeam(f.client(ada), teamID, app.TeamPatch{ProfileImageURL: patch.Value(pixel)})
	if err != nil {
		t.Fatal(err)
	}
	name, ok := strings.CutPrefix(*team.ProfileImageURL, publicURL+"/api/v1/images/team-profile-images/")
	if !ok || !strings.HasSuffix(name, ".gif") {
		t.Fatalf("the image is at %s", *team.ProfileImageURL)
	}
	if image, err := f.GetTeamImage(t.Context(), name); err != nil || !strings.HasPrefix(string(image.Bytes), "GIF89a") {
		t.Errorf("GetTeamImage = %v, %v", image, err)
	}
	for _, other := range []string{strings.TrimSuffix(name, "gif") + "png", ids.NewUUID() + ".gif", "x.gif", ""} {
		_, err := f.GetTeamImage(t.Context(), other)
		wantText(t, err, http.StatusNotFound)
	}
	if _, err := f.UpdateTeam(f.server(), teamID, app.TeamPatch{ProfileImageURL: patch.Value("https://example.com/x.png")}); err != nil {
		t.Fatal(err)
	}
	_, err = f.GetTeamImage(t.Context(), name)
	wantText(t, err, http.StatusNotFound)
}

// Two updates of different fields at the same moment: neither is lost.
func TestUpdateTeam_parallel_losesNothing(t *testing.T) {
	f := newFixture(t)
	teamID := f.team(f.user("Ada"))
	var all sync.WaitGroup
	for _, fields := range []app.TeamPatch{
		{DisplayName: patch.Value("B")}, {ClientMetadata: patch.Value(json.RawMessage("1"))},
		{ServerMetadata: patch.Value(json.RawMessage("2"))}, {ClientReadOnlyMetadata: patch.Value(json.RawMessage("3"))},
	} {
		all.Go(func() {
			if _, err := f.UpdateTeam(f.server(), teamID, fields); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	team, err := f.GetTeam(f.server(), teamID)
	if err != nil || team.DisplayName != "B" || string(team.ClientMetadata) != "1" || string(team.ServerMetadata) != "2" ||
		string(team.ClientReadOnlyMetadata) != "3" || team.Version != 5 {
		t.Errorf("%+v, %v", team, err)
	}
}

func TestDeleteTeam_takesEverythingWithIt(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	member := f.join(teamID)
	if _, err := f.UpdateTeamMemberProfile(f.client(member), teamID, member, app.MemberProfilePatch{ProfileImageURL: patch.Value(pixel)}); err != nil {
		t.Fatal(err)
	}
	f.invite(f.client(ada), teamID, "grace@example.com")
	wantError(t, f.DeleteTeam(f.client(member), teamID), apierr.TeamPermissionRequired("", "", ""))
	if err := f.DeleteTeam(f.client(ada), teamID); err != nil {
		t.Fatal(err)
	}
	if n := f.count(`SELECT (SELECT count(*) FROM teams) + (SELECT count(*) FROM team_memberships) + (SELECT count(*) FROM team_permissions)
		+ (SELECT count(*) FROM team_invitations) + (SELECT count(*) FROM images)`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	events := f.events()
	if facts(events) != "team.deleted" || events[0].GetTeamDeleted().GetTeamId() != teamID ||
		!slices.Equal(events[0].GetTeamDeleted().GetUserIds(), []string{ada, member}) || events[0].GetAggregateVersion() != 2 {
		t.Errorf("events %v", events)
	}
	wantError(t, f.DeleteTeam(f.server(), teamID), apierr.TeamNotFound(""))
	wantError(t, f.DeleteTeam(f.client(ada), teamID), apierr.TeamMembershipNotFound("", ""))
	wantError(t, f.DeleteTeam(f.client(""), teamID), apierr.UserAuthenticationRequired())
}

// T22: an administrator acts while they are being removed. Once the removal has
// been answered nothing they did may come after it. Without the lock on the
// membership some does.
func TestUpdateTeam_whileBeingRemoved_neverActsAfterwards(t *testing.T) {
	f := newFixture(t)
	for range 8 {
		owner, admin := f.user("Owner"), f.user("Admin")
		teamID := f.team(owner)
		if err := f.CreateTeamMembership(f.server(), teamID, admin); err != nil {
			t.Fatal(err)
		}
		if err := f.GrantTeamPermission(f.server(), teamID, admin, "team_admin"); err != nil {
			t.Fatal(err)
		}
		var removed atomic.Bool
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for !removed.Load() {
					_, err := f.UpdateTeam(f.client(admin), teamID, app.TeamPatch{DisplayName: patch.Value("Hijacked")})
					if err != nil && !errors.Is(err, apierr.TeamMembershipNotFound("", "")) {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Go(func() {
			defer removed.Store(true)
			if err := f.DeleteTeamMembership(f.client(owner), teamID, admin); err != nil {
				t.Error(err)
				return
			}
			before, err := f.FindTeam(t.Context(), tenant, teamID)
			if err != nil {
				t.Error(err)
				return
			}
			_, err = f.UpdateTeam(f.client(admin), teamID, app.TeamPatch{DisplayName: patch.Value("Hijacked")})
			if !errors.Is(err, apierr.TeamMembershipNotFound("", "")) {
				t.Errorf("a removed administrator acts: %v", err)
			}
			after, err := f.FindTeam(t.Context(), tenant, teamID)
			if err != nil || after.Version != before.Version {
				t.Errorf("the team went from version %d to %d after the removal, %v", before.Version, after.Version, err)
			}
		})
		all.Wait()
	}
}

// T22, decided by a lock that is held: the one who acts is a member until the
// act commits.
func TestAuthorize_holdsMembership_untilTheActEnds(t *testing.T) {
	f := newFixture(t)
	owner := f.user("Owner")
	teamID := f.team(owner)
	admin := f.join(teamID)
	if err := f.GrantTeamPermission(f.server(), teamID, admin, "team_admin"); err != nil {
		t.Fatal(err)
	}
	for name, take := range map[string]func(){
		"removal": func() { f.exec(`DELETE FROM team_memberships WHERE user_id = $1`, admin) },
		"revocation": func() {
			f.exec(`DELETE FROM team_permissions WHERE user_id = $1 AND permission_id = 'team_admin'`, admin)
		},
	} {
		acted := make(chan struct{})
		var order []string
		var mu sync.Mutex
		note := func(what string) { mu.Lock(); order = append(order, what); mu.Unlock() }
		taken := make(chan struct{})
		err := f.store().RunTx(t.Context(), func(ctx ctxType, tx app.Tx) error {
			granted, member, err := tx.LockMembership(ctx, domain.Membership{Tenant: tenant, TeamID: teamID, UserID: admin})
			if err != nil || !member || !slices.Contains(granted, "team_admin") {
				t.Fatalf("%s: %v, %v, %v", name, granted, member, err)
			}
			go func() {
				close(acted)
				take()
				note("taken")
				close(taken)
			}()
			<-acted
			f.awaitBlocked()
			note("acted")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		<-taken
		if !slices.Equal(order, []string{"acted", "taken"}) {
			t.Errorf("%s: %v", name, order)
		}
		f.exec(`INSERT INTO team_memberships (project_id, branch_id, team_id, user_id) VALUES ('p', 'main', $1, $2) ON CONFLICT DO NOTHING`, teamID, admin)
		f.exec(`INSERT INTO team_permissions (project_id, branch_id, team_id, user_id, permission_id, config_version)
			VALUES ('p', 'main', $1, $2, 'team_admin', 1) ON CONFLICT DO NOTHING`, teamID, admin)
	}
}

// Members who act and the deletion of their team want the same rows. The
// deletion takes them in the order of the members: it waits for who is acting
// and stands in nobody's way. The other way round, each waits for the other until
// Postgres ends one of them, and members who act without a pause could keep
// their team alive.
func TestDeleteTeam_whileAMemberActs_waitsInLine(t *testing.T) {
	f := newFixture(t)
	owner := f.user("Owner")
	teamID := f.team(owner)
	member := f.join(teamID)
	deleted := make(chan error, 1)
	rounds := 0
	err := f.store().RunTx(t.Context(), func(ctx ctxType, tx app.Tx) error {
		if rounds++; rounds > 1 {
			return errors.New("the act was ended and begun anew")
		}
		if _, _, err := tx.LockMembership(ctx, domain.Membership{Tenant: tenant, TeamID: teamID, UserID: member}); err != nil {
			return err
		}
		go func() { deleted <- f.DeleteTeam(f.server(), teamID) }()
		f.awaitBlocked()
		// Of two that wait for each other, Postgres may end the deletion, which
		// begins anew and hides it. So the team is asked for without waiting.
		if _, err := f.db.Querier(ctx).Exec(ctx, `SELECT FROM teams WHERE id = $1 FOR NO KEY UPDATE NOWAIT`, teamID); err != nil {
			return fmt.Errorf("the deletion holds the team while it waits for a member: %w", err)
		}
		team, err := tx.LockTeam(ctx, tenant, teamID)
		if err != nil || team == nil {
			return fmt.Errorf("the team is %v, %w", team, err)
		}
		team.DisplayName = "Changed"
		return tx.UpdateTeam(ctx, team)
	})
	if err != nil {
		t.Error(err)
	}
	if err := <-deleted; err != nil {
		t.Error(err)
	}
	if n := f.count(`SELECT (SELECT count(*) FROM teams) + (SELECT count(*) FROM team_memberships)`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}
