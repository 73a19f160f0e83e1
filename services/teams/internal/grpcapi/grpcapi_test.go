package grpcapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/profileimage"
	"vestibule.dev/pkg/projectconfig"
	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
)

var tenant = ids.Tenant{ProjectID: "p", BranchID: "main"}

// memory is a store of one team and one member, enough to see what the
// translation asks for and makes of the answer.
type memory struct {
	app.Store
	app.Tx

	team     domain.Team
	profile  domain.MemberProfile
	filter   app.TeamFilter
	saved    *domain.Team
	granted  string
	profiled [2]patch.Field[string]
	// members is how many there are in the team; 0 is one.
	members int
}

func (m *memory) RunTx(ctx context.Context, fn func(context.Context, app.Tx) error) error {
	return fn(ctx, m)
}

func (m *memory) Team(context.Context, ids.Tenant, string) (*domain.Team, error) { return &m.team, nil }

func (m *memory) ListTeams(_ context.Context, _ ids.Tenant, filter app.TeamFilter) ([]domain.Team, error) {
	m.filter = filter
	return []domain.Team{m.team, m.team}, nil
}

func (m *memory) MemberProfiles(_ context.Context, _ ids.Tenant, _, _ *string, limit int) ([]domain.MemberProfile, error) {
	return slices.Repeat([]domain.MemberProfile{m.profile}, min(max(m.members, 1), limit)), nil
}

// InvitationsOfTeam returns as many as there may be, as large as they can be.
func (m *memory) InvitationsOfTeam(_ context.Context, _ ids.Tenant, teamID string, limit int) ([]domain.Invitation, error) {
	return slices.Repeat([]domain.Invitation{{
		ID: ids.NewUUID(), TeamID: teamID, TeamDisplayName: strings.Repeat("😀", 256), RecipientEmail: strings.Repeat("e", 320), ExpiresAt: time.Now(),
	}}, limit), nil
}

func (m *memory) TeamGrants(_ context.Context, _ ids.Tenant, _, _ *string, limit int) ([]app.Grants, error) {
	granted := []app.Grants{{TeamID: ids.NewUUID(), UserID: ids.NewUUID(), PermissionIDs: []string{
		domain.UpdateTeam, domain.DeleteTeam, domain.ReadMembers, domain.RemoveMembers, domain.InviteMembers, domain.ManageAPIKeys,
	}}}
	return slices.Repeat(granted, min(m.members, limit)), nil
}

func (m *memory) Membership(context.Context, ids.Tenant, string, string) (*app.Membership, error) {
	return &app.Membership{Team: m.team, Granted: []string{domain.ReadMembers}}, nil
}

func (m *memory) SelectedTeams(_ context.Context, _ ids.Tenant, selected map[string]string) (map[string]domain.Team, error) {
	teams := map[string]domain.Team{}
	for userID, teamID := range selected {
		if teamID == m.team.ID {
			teams[userID] = m.team
		}
	}
	return teams, nil
}

func (m *memory) Enter(context.Context, ids.Tenant) (bool, error)            { return false, nil }
func (m *memory) LockUser(context.Context, ids.Tenant, string) (bool, error) { return false, nil }

func (m *memory) LockMembership(context.Context, domain.Membership) ([]string, bool, error) {
	return []string{domain.UpdateTeam}, true, nil
}

func (m *memory) LockTeam(context.Context, ids.Tenant, string) (*domain.Team, error) {
	team := m.team
	return &team, nil
}

func (m *memory) UpdateTeam(_ context.Context, team *domain.Team) error {
	m.saved = team
	return nil
}

func (m *memory) UpdateMemberProfile(_ context.Context, _ domain.Membership, displayName, profileImageURL patch.Field[string]) (*domain.MemberProfile, error) {
	m.profiled = [2]patch.Field[string]{displayName, profileImageURL}
	return &m.profile, nil
}

func (m *memory) GrantTeamPermissions(_ context.Context, membership domain.Membership, _ int64, permissionIDs ...string) ([]string, error) {
	m.granted = membership.TeamID + " " + membership.UserID
	return permissionIDs, nil
}

func (m *memory) SaveImage(context.Context, app.ImageOwner, *profileimage.Image) error { return nil }

func (m *memory) Emit(context.Context, ...app.Event) error { return nil }

type one struct{}

func (one) Project(context.Context, ids.Tenant, int64) (*app.Project, error) {
	return &app.Project{Config: &projectconfig.Config{}, Permissions: domain.NewPermissions()}, nil
}

func (one) ReplacePermissions(context.Context, ids.Tenant, int64, *domain.PermissionChange) (int64, bool, error) {
	return 2, true, nil
}

func (one) Users(_ context.Context, _ ids.Tenant, userIDs ...string) (map[string]app.User, error) {
	return map[string]app.User{userIDs[0]: {
		ID: userIDs[0], DisplayName: new("Ada"), SelectedTeamID: new("t"),
		Representation: json.RawMessage(`{"id":"` + userIDs[0] + `","selected_team":null,"signed_up_at_millis":1700000000123}`),
	}}, nil
}

func (one) VerifiedEmails(context.Context, ids.Tenant, string) ([]string, error) { return nil, nil }

func newMemory() (*memory, *app.App) {
	m := &memory{
		team: domain.Team{
			Tenant: tenant, ID: "t", DisplayName: "Crew", CreatedAt: time.UnixMilli(1500), Version: 1, ServerMetadata: json.RawMessage(`1`),
		},
		profile: domain.MemberProfile{Membership: domain.Membership{Tenant: tenant, TeamID: "t", UserID: "u"}},
	}
	return m, app.New(app.Deps{Store: m, Projects: one{}, Users: one{}})
}

func as(t *testing.T, access principal.Access) context.Context {
	return principal.NewContext(t.Context(), principal.Principal{ProjectID: "p", BranchID: "main", Access: access, UserID: "u"})
}

// R2: what only servers may see or write stays theirs.
func TestTeams_serverOnlyFields_areServersAlone(t *testing.T) {
	m, application := newMemory()
	s := &Teams{app: application}
	team, err := s.GetTeam(as(t, principal.AccessServer), &teamsv1.TeamServiceGetTeamRequest{TeamId: "T"})
	if err != nil || team.GetCreatedAtMillis() != 1500 || team.GetServerMetadata().GetNumberValue() != 1 {
		t.Errorf("a server sees %v, %v", team, err)
	}
	team, err = s.UpdateTeam(as(t, principal.AccessClient), &teamsv1.UpdateTeamRequest{
		TeamId: "t", Team: &teamsv1.TeamPatch{DisplayName: new("New"), ServerMetadata: structpb.NewNumberValue(2)},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}},
	})
	if err != nil || team.CreatedAtMillis != nil || team.ServerMetadata != nil || m.saved.DisplayName != "New" || string(m.saved.ServerMetadata) != "1" {
		t.Errorf("a client sees %v and wrote %+v, %v", team, m.saved, err)
	}
	for _, field := range []string{"server_metadata", "client_read_only_metadata", "created_at_millis", "id"} {
		_, err := s.UpdateTeam(as(t, principal.AccessClient), &teamsv1.UpdateTeamRequest{
			TeamId: "t", Team: &teamsv1.TeamPatch{}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{field}},
		})
		if !apierr.HasCode(err, apierr.CodeSchemaError) {
			t.Errorf("a client writes %s: %v", field, err)
		}
	}
}

func TestListTeams_query_isRead(t *testing.T) {
	m, application := newMemory()
	s := &Teams{app: application}
	res, err := s.ListTeams(as(t, principal.AccessServer), &teamsv1.ListTeamsRequest{
		UserId: new("ABC"), Desc: new("true"), Limit: new(int32(1)), Cursor: new("DEF"), Query: new("Crew"),
	})
	if err != nil || len(res.GetItems()) != 1 || !res.GetIsPaginated() || res.GetPagination().GetNextCursor().GetValue() != "t" {
		t.Fatalf("%v, %v", res, err)
	}
	if f := m.filter; *f.UserID != "abc" || !f.NewestFirst || f.Limit != 2 || *f.Cursor != "def" || *f.Query != "Crew" {
		t.Errorf("asked for %+v", f)
	}
	if res, err = s.ListTeams(as(t, principal.AccessServer), &teamsv1.ListTeamsRequest{}); err != nil || res.Pagination != nil || res.GetIsPaginated() {
		t.Errorf("without a limit: %v, %v", res, err)
	}
}

func TestMemberProfiles_user_isServersAlone(t *testing.T) {
	m, application := newMemory()
	s := &MemberProfiles{app: application}
	profile, err := s.UpdateTeamMemberProfile(as(t, principal.AccessServer), &teamsv1.UpdateTeamMemberProfileRequest{
		TeamId: "T", UserId: "U", Profile: &teamsv1.TeamMemberProfilePatch{DisplayName: new("X")},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"profile_image_url"}},
	})
	if err != nil || profile.GetDisplayName().GetValue() != "Ada" || profile.ProfileImageUrl != nil {
		t.Fatalf("%v, %v", profile, err)
	}
	if m.profiled[0].IsSet() || !m.profiled[1].IsNull() {
		t.Errorf("wrote %+v", m.profiled)
	}
	user := profile.GetUser().AsMap()
	selected, _ := user["selected_team"].(map[string]any)
	if user["selected_team_id"] != "t" || selected["display_name"] != "Crew" || selected["server_metadata"] != 1.0 || user["signed_up_at_millis"] != 1700000000123.0 {
		t.Errorf("user %v", user)
	}
	m.team.ID = "another"
	list, err := s.ListTeamMemberProfiles(as(t, principal.AccessServer), &teamsv1.ListTeamMemberProfilesRequest{})
	if err != nil || len(list.GetItems()) != 1 {
		t.Fatal(err)
	}
	user = list.GetItems()[0].GetUser().AsMap()
	if id, there := user["selected_team_id"]; !there || id != nil || user["selected_team"] != nil {
		t.Errorf("a team that was left is selected: %v", user)
	}
	own, err := s.UpdateTeamMemberProfile(as(t, principal.AccessClient), &teamsv1.UpdateTeamMemberProfileRequest{
		TeamId: "t", UserId: "u", Profile: &teamsv1.TeamMemberProfilePatch{ProfileImageUrl: wrapperspb.String("https://example.com/a.png")},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"profile_image_url"}},
	})
	if err != nil || own.User != nil {
		t.Errorf("a client sees %v, %v", own, err)
	}
}

func TestGrantTeamPermission_ids_areReadAsStored(t *testing.T) {
	m, application := newMemory()
	granted, err := (&Permissions{app: application}).GrantTeamPermission(as(t, principal.AccessServer), &teamsv1.GrantTeamPermissionRequest{
		TeamId: "TEAM", UserId: "USER", PermissionId: domain.UpdateTeam,
	})
	if err != nil || m.granted != "team user" || granted.GetTeamId() != "team" || granted.GetUserId() != "user" || granted.GetId() != domain.UpdateTeam {
		t.Errorf("granted %v to %q, %v", granted, m.granted, err)
	}
}

func TestPermissionDefinitions_update_keepsTheIDUnlessRenamed(t *testing.T) {
	for _, tt := range []struct {
		body *teamsv1.PermissionDefinitionUpdate
		want domain.Definition
	}{
		{&teamsv1.PermissionDefinitionUpdate{}, domain.Definition{ID: "old", Scope: domain.TeamScope}},
		{
			&teamsv1.PermissionDefinitionUpdate{Id: new("new"), ContainedPermissionIds: []string{"a"}},
			domain.Definition{ID: "new", Scope: domain.TeamScope, Contains: []string{"a"}},
		},
	} {
		got := update(domain.TeamScope, &teamsv1.UpdateTeamPermissionDefinitionRequest{PermissionId: "old", Definition: tt.body})
		if got.ID != tt.want.ID || got.Scope != tt.want.Scope || got.Description != nil || !slices.Equal(got.Contains, tt.want.Contains) {
			t.Errorf("got %+v, want %+v", got, tt.want)
		}
	}
}

// Lists without pages travel whole for a team of 20,000, and what does not fit
// into a message is refused in words.
func TestLists_largeTeam_travel(t *testing.T) {
	m, application := newMemory()
	conn := grpctest.New(t, "teams", func(r grpc.ServiceRegistrar) { Register(r, application) }).Conn
	profiles, permissions := teamsv1.NewTeamMemberProfileServiceClient(conn), teamsv1.NewPermissionServiceClient(conn)
	m.members = 20_000
	m.profile.DisplayName, m.profile.ProfileImageURL = new(strings.Repeat("n", 60)), new("https://example.com/"+strings.Repeat("p", 100))
	m.profile.TeamID, m.profile.UserID = ids.NewUUID(), ids.NewUUID()
	list, err := profiles.ListTeamMemberProfiles(called(t, principal.AccessClient), &teamsv1.ListTeamMemberProfilesRequest{TeamId: &m.profile.TeamID})
	if err != nil || len(list.GetItems()) != m.members {
		t.Errorf("%d profiles, %v", len(list.GetItems()), err)
	}
	held, err := permissions.ListTeamPermissions(called(t, principal.AccessServer), &teamsv1.ListTeamPermissionsRequest{Recursive: new("true")})
	if err != nil || len(held.GetItems()) != 6*m.members {
		t.Errorf("%d permissions, %v", len(held.GetItems()), err)
	}
	invited, err := teamsv1.NewTeamInvitationServiceClient(conn).ListTeamInvitations(called(t, principal.AccessServer),
		&teamsv1.ListTeamInvitationsRequest{TeamId: &m.profile.TeamID})
	if err != nil || len(invited.GetItems()) != 10_000 {
		t.Errorf("%d invitations, %v", len(invited.GetItems()), err)
	}
	m.members = 60_000
	_, err = permissions.ListTeamPermissions(called(t, principal.AccessServer), &teamsv1.ListTeamPermissionsRequest{})
	if known, ok := errors.AsType[*apierr.Error](err); !ok || known.HTTP != http.StatusBadRequest || known.Code != "" {
		t.Errorf("more than fits: %v", err)
	}
}

// called is the context of a call by a caller of the access type.
func called(t *testing.T, access principal.Access) context.Context {
	return grpctest.As(t.Context(), principal.Principal{ProjectID: "p", BranchID: "main", Access: access, UserID: ids.NewUUID()})
}
