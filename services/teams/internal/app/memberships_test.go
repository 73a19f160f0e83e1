package app_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/teams/internal/app"
)

func TestCreateTeamMembership_grantsDefaultsAndTells(t *testing.T) {
	f := newFixture(t)
	teamID := f.team(f.user("Ada"))
	grace := f.user("Grace")
	if err := f.CreateTeamMembership(f.server(), teamID, grace); err != nil {
		t.Fatal(err)
	}
	events := f.events()
	if facts(events) != "membership.created team_permission.created" {
		t.Fatalf("events %s", facts(events))
	}
	joined, granted := events[0].GetTeamMembershipCreated(), events[1].GetTeamPermissionCreated()
	if joined.GetTeamId() != teamID || joined.GetUserId() != grace ||
		granted.GetId() != "team_member" || granted.GetTeamId() != teamID || granted.GetUserId() != grace {
		t.Errorf("events %v", events)
	}
	wantError(t, f.CreateTeamMembership(f.server(), teamID, grace), apierr.TeamMembershipAlreadyExists())
	wantError(t, f.CreateTeamMembership(f.server(), ids.NewUUID(), grace), apierr.TeamNotFound(""))
	wantError(t, f.CreateTeamMembership(f.server(), ids.NewUUID(), ids.NewUUID()), apierr.UserNotFound())
	if got := f.events(); len(got) != 0 {
		t.Errorf("events %s", facts(got))
	}
}

// R15. Without the primary key there are many memberships, without the lock on
// the user a deleted one may stay. The connections of the first rounds are being
// opened, so that there are more.
func TestCreateTeamMembership_parallel_createsOne(t *testing.T) {
	f := newFixture(t)
	teamID := f.team(f.user("Ada"))
	for range 5 {
		grace := f.user("Grace")
		var created atomic.Int32
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				err := persist(func() error { return f.CreateTeamMembership(f.server(), teamID, grace) })
				switch {
				case err == nil:
					created.Add(1)
				case !errors.Is(err, apierr.TeamMembershipAlreadyExists()):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := f.count(`SELECT count(*) FROM team_memberships WHERE user_id = $1`, grace); n != 1 || created.Load() != 1 {
			t.Errorf("%d memberships, %d of 64 created one", n, created.Load())
		}
		if got := facts(f.events()); got != "membership.created team_permission.created" {
			t.Errorf("events %s", got)
		}
	}
}

func TestDeleteTeamMembership_leaving_needsNothing(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	if err := f.DeleteTeamMembership(f.client(ada), teamID, ada); err != nil {
		t.Fatal(err)
	}
	if got := facts(f.events()); got != "membership.deleted" {
		t.Errorf("events %s", got)
	}
	if n := f.count(`SELECT count(*) FROM team_permissions`); n != 0 {
		t.Errorf("%d permissions are left", n)
	}
	wantError(t, f.DeleteTeamMembership(f.client(ada), teamID, ada), apierr.TeamMembershipNotFound("", ""))
}

func TestDeleteTeamMembership_others_needPermission(t *testing.T) {
	f := newFixture(t)
	ada, stranger, gone := f.user("Ada"), f.user("Stranger"), f.user("Gone")
	teamID := f.team(ada)
	grace := f.join(teamID)
	if _, err := f.RemoveUser(t.Context(), tenant, gone); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		caller, target string
		want           *apierr.Error
	}{
		"signed out":             {"", ada, apierr.CannotGetOwnUserWithoutUser()},
		"deleted":                {gone, ada, apierr.CannotGetOwnUserWithoutUser()},
		"stranger":               {stranger, ada, apierr.TeamMembershipNotFound("", "")},
		"without permission":     {grace, ada, apierr.TeamPermissionRequired("", "", "")},
		"target is no member":    {ada, stranger, apierr.TeamMembershipNotFound("", "")},
		"target does not exist":  {ada, ids.NewUUID(), apierr.TeamMembershipNotFound("", "")},
		"stranger removes a non": {stranger, ids.NewUUID(), apierr.TeamMembershipNotFound("", "")},
	} {
		if err := f.DeleteTeamMembership(f.client(tt.caller), teamID, tt.target); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	f.events()
	if err := f.DeleteTeamMembership(f.client(ada), teamID, grace); err != nil {
		t.Error(err)
	}
	wantError(t, f.DeleteTeamMembership(f.server(), teamID, grace), apierr.TeamMembershipNotFound("", ""))
	wantError(t, f.DeleteTeamMembership(f.server(), teamID, ids.NewUUID()), apierr.UserNotFound())
	if got := facts(f.events()); got != "membership.deleted" {
		t.Errorf("events %s", got)
	}
}

func TestMemberProfiles_overrides_areByField(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	read := func() *app.MemberProfile {
		t.Helper()
		profile, err := f.GetTeamMemberProfile(f.client(ada), teamID, ada)
		if err != nil {
			t.Fatal(err)
		}
		return profile
	}
	if got := read(); *got.Name() != "Ada" || got.Picture() != nil {
		t.Errorf("profile %+v", got)
	}
	for _, step := range []struct {
		fields        app.MemberProfilePatch
		name, picture string
	}{
		{app.MemberProfilePatch{ProfileImageURL: patch.Value("https://example.com/a.png")}, "Ada", "https://example.com/a.png"},
		{app.MemberProfilePatch{DisplayName: patch.Value("")}, "", "https://example.com/a.png"},
		{app.MemberProfilePatch{DisplayName: patch.Value("Countess")}, "Countess", "https://example.com/a.png"},
	} {
		got, err := f.UpdateTeamMemberProfile(f.client(ada), teamID, ada, step.fields)
		if err != nil || *got.Name() != step.name || *got.Picture() != step.picture {
			t.Errorf("%+v: %+v, %v", step.fields, got, err)
		}
		if got = read(); *got.Name() != step.name {
			t.Errorf("read again: %+v", got)
		}
	}
	got, err := f.UpdateTeamMemberProfile(f.client(ada), teamID, ada, app.MemberProfilePatch{ProfileImageURL: patch.Value(pixel)})
	if err != nil || !strings.HasPrefix(*got.Picture(), publicURL+"/api/v1/images/team-member-profile-images/") {
		t.Errorf("uploaded: %+v, %v", got, err)
	}
	if got, err = f.UpdateTeamMemberProfile(f.client(ada), teamID, ada, app.MemberProfilePatch{ProfileImageURL: patch.Null[string]()}); err != nil || got.Picture() != nil {
		t.Errorf("null: %+v, %v", got, err)
	}
	if n := f.count(`SELECT count(*) FROM images`); n != 0 {
		t.Errorf("%d images are left", n)
	}
	if got := f.events(); len(got) != 0 {
		t.Errorf("profiles are nobody's business: %s", facts(got))
	}
}

func TestMemberProfiles_errors_areThoseOfTheContract(t *testing.T) {
	f := newFixture(t)
	ada, stranger := f.user("Ada"), f.user("Stranger")
	teamID := f.team(ada)
	grace := f.join(teamID)
	if err := f.RevokeTeamPermission(f.server(), teamID, grace, "team_member"); err != nil {
		t.Fatal(err)
	}
	nobody := ids.NewUUID()

	list := func(ctx ctxType, teamID, userID *string) error {
		_, err := f.ListTeamMemberProfiles(ctx, teamID, userID)
		return err
	}
	wantError(t, list(f.client(""), &teamID, nil), apierr.CannotGetOwnUserWithoutUser())
	wantText(t, list(f.client(ada), nil, nil), http.StatusBadRequest)
	wantError(t, list(f.client(stranger), &teamID, nil), apierr.TeamMembershipNotFound("", ""))
	wantError(t, list(f.client(grace), &teamID, nil), apierr.TeamPermissionRequired("", "", ""))
	wantError(t, list(f.client(grace), &teamID, &ada), apierr.TeamPermissionRequired("", "", ""))
	wantError(t, list(f.server(), &nobody, nil), apierr.TeamNotFound(""))
	wantError(t, list(f.server(), nil, &nobody), apierr.UserNotFound())

	get := func(ctx ctxType, userID string) error {
		_, err := f.GetTeamMemberProfile(ctx, teamID, userID)
		return err
	}
	wantError(t, get(f.client(""), ada), apierr.CannotGetOwnUserWithoutUser())
	wantError(t, get(f.client(grace), ada), apierr.TeamPermissionRequired("", "", ""))
	wantError(t, get(f.client(stranger), stranger), apierr.TeamMembershipNotFound("", ""))
	wantError(t, get(f.client(ada), nobody), apierr.TeamMembershipNotFound("", ""))
	wantError(t, get(f.server(), nobody), apierr.UserNotFound())
	wantError(t, get(f.server(), stranger), apierr.TeamMembershipNotFound("", ""))

	update := func(ctx ctxType, userID string) error {
		_, err := f.UpdateTeamMemberProfile(ctx, teamID, userID, app.MemberProfilePatch{DisplayName: patch.Value("X")})
		return err
	}
	wantError(t, update(f.client(""), ada), apierr.CannotGetOwnUserWithoutUser())
	wantText(t, update(f.client(ada), grace), http.StatusForbidden)
	wantError(t, update(f.client(stranger), stranger), apierr.TeamMembershipNotFound("", ""))
	wantError(t, update(f.server(), nobody), apierr.UserNotFound())
	if err := update(f.server(), grace); err != nil {
		t.Error(err)
	}
}

func TestListTeamMemberProfiles_server_seesUsersAndTheirSelection(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	mine, other := f.team(ada), f.team(f.user("Owner"))
	grace := f.join(mine)
	f.users.users[ada] = withSelection(f.users.users[ada], mine)
	f.users.users[grace] = withSelection(f.users.users[grace], other) // not a member
	ghost := f.join(mine)
	delete(f.users.users, ghost)

	profiles, err := f.ListTeamMemberProfiles(f.server(), &mine, nil)
	if err != nil || len(profiles) != 2 || profiles[0].UserID != ada || profiles[1].UserID != grace {
		t.Fatalf("profiles %+v, %v", profiles, err)
	}
	if profiles[0].SelectedTeam == nil || profiles[0].SelectedTeam.ID != mine || profiles[1].SelectedTeam != nil {
		t.Errorf("selected %+v, %+v", profiles[0].SelectedTeam, profiles[1].SelectedTeam)
	}
	all, err := f.ListTeamMemberProfiles(f.server(), nil, nil)
	if err != nil || len(all) != 3 {
		t.Errorf("%d profiles in the project, %v", len(all), err)
	}
	own, err := f.ListTeamMemberProfiles(f.client(grace), &mine, &grace)
	if err != nil || len(own) != 1 || own[0].SelectedTeam != nil {
		t.Errorf("own %+v, %v", own, err)
	}
	asked := f.users.asked
	if _, err := f.ListTeamMemberProfiles(f.client(ada), &mine, nil); err != nil || f.users.asked != asked+1 {
		t.Errorf("a list asked %d times for its users, %v", f.users.asked-asked, err)
	}
}

func withSelection(user app.User, teamID string) app.User {
	user.SelectedTeamID = &teamID
	return user
}

func TestRemoveUser_member_leavesNothingBehind(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	if err := f.GrantProjectPermission(f.server(), ada, "beta"); err != nil {
		t.Fatal(err)
	}
	f.events()
	left, err := f.RemoveUser(t.Context(), tenant, ada)
	if err != nil || !slices.Equal(left, []string{teamID}) {
		t.Errorf("left %v, %v", left, err)
	}
	if got := facts(f.events()); got != "membership.deleted" {
		t.Errorf("events %s", got)
	}
	if n := f.count(`SELECT (SELECT count(*) FROM team_permissions) + (SELECT count(*) FROM project_permissions)`); n != 0 {
		t.Errorf("%d permissions are left", n)
	}
	delete(f.users.users, ada)
	wantError(t, f.CreateTeamMembership(f.server(), teamID, ada), apierr.UserNotFound())
}

// The token of a deleted user outlives them. Whatever it is used for is answered
// as if nobody were signed in (protocol §5, step 12), and "me" stands for nobody.
func TestDeletedUser_everyOperation_isNobodys(t *testing.T) {
	f := newFixture(t)
	ada, owner := f.user("Ada"), f.user("Owner")
	own, other := f.team(ada), f.team(owner)
	invitationID, code := f.invite(f.client(owner), other, "ada@example.com")
	if _, err := f.RemoveUser(t.Context(), tenant, ada); err != nil {
		t.Fatal(err)
	}
	delete(f.users.users, ada)
	f.projects.config.Teams.AllowClientTeamCreation = false
	image := "https://example.com/a.png"
	noUser, signIn := apierr.CannotGetOwnUserWithoutUser(), apierr.UserAuthenticationRequired()
	for _, tt := range []struct {
		name string
		call func(ctx ctxType) error
		// client and server are the answers to the two kinds of callers; nil is
		// success.
		client, server *apierr.Error
	}{
		{"list teams", func(ctx ctxType) error { _, err := f.ListTeams(ctx, app.TeamFilter{UserID: &ada}); return err }, noUser, noUser},
		{"list a page of teams", func(ctx ctxType) error {
			_, err := f.ListTeams(ctx, app.TeamFilter{UserID: &ada, Limit: 3})
			return err
		}, noUser, noUser},
		{"list the teams of others", func(ctx ctxType) error { _, err := f.ListTeams(ctx, app.TeamFilter{UserID: &owner}); return err }, noUser, nil},
		{"list all teams", func(ctx ctxType) error { _, err := f.ListTeams(ctx, app.TeamFilter{}); return err }, noUser, nil},
		{"create a team", func(ctx ctxType) error { _, err := f.CreateTeam(ctx, app.NewTeam{}); return err }, signIn, nil},
		{"create a team with an image", func(ctx ctxType) error { _, err := f.CreateTeam(ctx, app.NewTeam{ProfileImageURL: &image}); return err }, signIn, nil},
		{"create a team for me", func(ctx ctxType) error { _, err := f.CreateTeam(ctx, app.NewTeam{CreatorUserID: &ada}); return err }, noUser, noUser},
		{"create a team for others", func(ctx ctxType) error { _, err := f.CreateTeam(ctx, app.NewTeam{CreatorUserID: &owner}); return err }, signIn, nil},
		{"get a team", func(ctx ctxType) error { _, err := f.GetTeam(ctx, own); return err }, apierr.UserNotFound(), nil},
		{"update a team", func(ctx ctxType) error { _, err := f.UpdateTeam(ctx, own, app.TeamPatch{}); return err }, apierr.UserNotFound(), nil},
		{"join a team", func(ctx ctxType) error { return f.CreateTeamMembership(ctx, other, ada) }, nil, noUser},
		{"leave a team", func(ctx ctxType) error { return f.DeleteTeamMembership(ctx, own, ada) }, noUser, noUser},
		{"remove others", func(ctx ctxType) error { return f.DeleteTeamMembership(ctx, own, ids.NewUUID()) }, noUser, apierr.UserNotFound()},
		{"list profiles", func(ctx ctxType) error { _, err := f.ListTeamMemberProfiles(ctx, &own, nil); return err }, noUser, nil},
		{"list my profile", func(ctx ctxType) error { _, err := f.ListTeamMemberProfiles(ctx, &own, &ada); return err }, noUser, noUser},
		{"list profiles everywhere", func(ctx ctxType) error { _, err := f.ListTeamMemberProfiles(ctx, nil, nil); return err }, noUser, nil},
		{"get my profile", func(ctx ctxType) error { _, err := f.GetTeamMemberProfile(ctx, own, ada); return err }, noUser, noUser},
		{"update my profile", func(ctx ctxType) error {
			_, err := f.UpdateTeamMemberProfile(ctx, own, ada, app.MemberProfilePatch{})
			return err
		}, noUser, noUser},
		{"update a profile", func(ctx ctxType) error {
			_, err := f.UpdateTeamMemberProfile(ctx, other, owner, app.MemberProfilePatch{})
			return err
		}, noUser, nil},
		{"list permissions", func(ctx ctxType) error {
			_, err := f.ListTeamPermissions(ctx, app.PermissionFilter{UserID: &ada})
			return err
		}, noUser, noUser},
		{"list everybody's permissions", func(ctx ctxType) error { _, err := f.ListTeamPermissions(ctx, app.PermissionFilter{}); return err }, noUser, nil},
		{"list project permissions", func(ctx ctxType) error {
			_, err := f.ListProjectPermissions(ctx, app.PermissionFilter{UserID: &ada})
			return err
		}, noUser, noUser},
		{"invite", func(ctx ctxType) error {
			_, err := f.SendTeamInvitationCode(ctx, app.NewInvitation{TeamID: own, Email: "x@example.com", CallbackURL: callback})
			return err
		}, signIn, nil},
		{"list invitations", func(ctx ctxType) error { _, err := f.ListTeamInvitations(ctx, &own, nil); return err }, noUser, nil},
		{"list my invitations", func(ctx ctxType) error { _, err := f.ListTeamInvitations(ctx, nil, &ada); return err }, noUser, noUser},
		{"accept", func(ctx ctxType) error { return f.AcceptTeamInvitation(ctx, code) }, signIn, signIn},
		{"see what a code invites to", func(ctx ctxType) error { _, err := f.GetTeamInvitationDetails(ctx, code); return err }, signIn, signIn},
		{"accept by id", func(ctx ctxType) error { return f.AcceptTeamInvitationByID(ctx, invitationID, ada) }, noUser, noUser},
		{"withdraw an invitation", func(ctx ctxType) error { return f.DeleteTeamInvitation(ctx, ids.NewUUID(), &other) }, noUser, apierr.VerificationCodeNotFound()},
		{"grant", func(ctx ctxType) error { return f.GrantTeamPermission(ctx, own, ada, "team_admin") }, nil, noUser},
		{"revoke", func(ctx ctxType) error { return f.RevokeTeamPermission(ctx, own, ada, "team_admin") }, nil, noUser},
		{"grant outside teams", func(ctx ctxType) error { return f.GrantProjectPermission(ctx, ada, "beta") }, nil, noUser},
		{"revoke outside teams", func(ctx ctxType) error { return f.RevokeProjectPermission(ctx, ada, "beta") }, nil, noUser},
		{"delete a team", func(ctx ctxType) error { return f.DeleteTeam(ctx, own) }, apierr.UserNotFound(), nil},
	} {
		serverOnly := tt.client == nil
		for access, want := range map[principal.Access]*apierr.Error{principal.AccessClient: tt.client, principal.AccessServer: tt.server} {
			if serverOnly && access == principal.AccessClient {
				continue
			}
			if access == principal.AccessServer && tt.name == "delete a team" {
				continue // it would be gone for those that follow
			}
			switch err := tt.call(f.as(access, ada)); {
			case want == nil && err != nil:
				t.Errorf("%s, as %s: %v", tt.name, access, err)
			case want != nil && !errors.Is(err, want):
				t.Errorf("%s, as %s: %v, want %v", tt.name, access, err, want)
			}
		}
	}
	_, err := f.CreateTeam(f.as(principal.AccessServer, ada), app.NewTeam{AddCurrentUser: new(true)})
	wantText(t, err, http.StatusUnauthorized)
	if n := f.count(`SELECT count(*) FROM team_memberships WHERE user_id = $1`, ada); n != 0 {
		t.Errorf("a deleted user is in %d teams", n)
	}
}

// Lists without pages end somewhere, and hold a large team (the size of the
// message is looked at in package grpcapi).
func TestLists_largeTeam_comeWhole(t *testing.T) {
	const members = 20_000
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	f.exec(`INSERT INTO team_memberships (project_id, branch_id, team_id, user_id)
		SELECT 'p', 'main', $1, lpad(to_hex(i), 32, '0')::uuid FROM generate_series(1, $2::int) i`, teamID, members)
	f.exec(`INSERT INTO team_permissions (project_id, branch_id, team_id, user_id, permission_id, config_version)
		SELECT project_id, branch_id, team_id, user_id, 'team_member', 1 FROM team_memberships WHERE user_id <> $1`, ada)
	rows, err := f.db.Querier(t.Context()).Query(t.Context(), `SELECT user_id::text FROM team_memberships WHERE user_id <> $1`, ada)
	if err != nil {
		t.Fatal(err)
	}
	userIDs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range userIDs {
		f.users.users[id] = app.User{ID: id}
	}
	profiles, err := f.ListTeamMemberProfiles(f.client(ada), &teamID, nil)
	if err != nil || len(profiles) != members+1 {
		t.Errorf("%d profiles, %v", len(profiles), err)
	}
	held, err := f.ListTeamPermissions(f.server(), app.PermissionFilter{TeamID: &teamID, Recursive: true})
	if err != nil || len(held) != 3*members+7 {
		t.Errorf("%d permissions, %v", len(held), err)
	}
	list, err := f.ListTeamMembers(t.Context(), tenant, teamID, "$read_members")
	if err != nil || len(list) != members+1 || list[0] != ada {
		t.Errorf("%d members, %v", len(list), err)
	}
	ctx, statements := pg.CountQueries(f.client(ada))
	if _, err := f.ListTeamMemberProfiles(ctx, &teamID, nil); err != nil || statements.Load() != 2 {
		t.Errorf("%d statements, %v", statements.Load(), err)
	}
	// With their users, that is more than one answer is allowed to hold.
	_, err = f.ListTeamMemberProfiles(f.server(), &teamID, nil)
	wantText(t, err, http.StatusBadRequest)
	if one, err := f.ListTeamMemberProfiles(f.server(), &teamID, &ada); err != nil || len(one) != 1 {
		t.Errorf("%d profiles, %v", len(one), err)
	}
}
