package clients_test

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	identityv1 "vestibule.dev/proto/identity/v1"
	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/payments/internal/clients"
)

var tenant = ids.Tenant{ProjectID: "internal", BranchID: "main"}

// peers plays identity and teams. They know the user u, the team t and that u
// administers t.
type peers struct {
	identityv1.UnimplementedProjectInternalServiceServer
	identityv1.UnimplementedUserInternalServiceServer
	teamsv1.UnimplementedTeamInternalServiceServer

	configs int
}

func (p *peers) GetProjectConfig(_ context.Context, req *identityv1.GetProjectConfigRequest) (*identityv1.GetProjectConfigResponse, error) {
	p.configs++
	return &identityv1.GetProjectConfigResponse{
		Version: max(req.GetMinVersion(), 1), DisplayName: "Shop",
		Config: []byte(`{"payments": {"testMode": true, "items": {"credits": {"displayName": "Credits", "customerType": "user"}}}}`),
	}, nil
}

func (*peers) ListUserContacts(_ context.Context, req *identityv1.ListUserContactsRequest) (*identityv1.ListUserContactsResponse, error) {
	res := &identityv1.ListUserContactsResponse{}
	if req.GetProjectId() == tenant.ProjectID && slices.Equal(req.GetUserIds(), []string{"u"}) {
		res.Users = append(res.Users, &identityv1.UserContact{UserId: "u"})
	}
	return res, nil
}

func (*peers) GetTeam(_ context.Context, req *teamsv1.GetTeamRequest) (*teamsv1.GetTeamResponse, error) {
	res := &teamsv1.GetTeamResponse{}
	if req.GetBranchId() == tenant.BranchID && req.GetTeamId() == "t" {
		res.Team = &teamsv1.Team{Id: "t"}
	}
	return res, nil
}

func (*peers) GetMembership(_ context.Context, req *teamsv1.GetMembershipRequest) (*teamsv1.GetMembershipResponse, error) {
	res := &teamsv1.GetMembershipResponse{}
	if req.GetTeamId() == "t" && req.GetUserId() == "u" {
		res.Team, res.PermissionIds = &teamsv1.Team{Id: "t"}, []string{"team_admin"}
	}
	return res, nil
}

func newPeers(t *testing.T) (*peers, *grpc.ClientConn) {
	p := &peers{}
	server := grpctest.New(t, "peers", func(r grpc.ServiceRegistrar) {
		identityv1.RegisterProjectInternalServiceServer(r, p)
		identityv1.RegisterUserInternalServiceServer(r, p)
		teamsv1.RegisterTeamInternalServiceServer(r, p)
	})
	return p, server.Caller("payments")
}

func TestUserExists_andTeamExists(t *testing.T) {
	_, conn := newPeers(t)
	users, teams := clients.NewUsers(conn), clients.NewTeams(conn)
	for _, tt := range []struct {
		ask  func(context.Context, ids.Tenant, string) (bool, error)
		id   string
		want bool
	}{{users.UserExists, "u", true}, {users.UserExists, "v", false}, {teams.TeamExists, "t", true}, {teams.TeamExists, "s", false}} {
		if got, err := tt.ask(t.Context(), tenant, tt.id); got != tt.want || err != nil {
			t.Errorf("%s exists: %v, %v", tt.id, got, err)
		}
	}
}

func TestMembership_answer_isThePermissions(t *testing.T) {
	_, conn := newPeers(t)
	teams := clients.NewTeams(conn)
	permissionIDs, member, err := teams.Membership(t.Context(), tenant, "t", "u")
	if err != nil || !member || !slices.Equal(permissionIDs, []string{"team_admin"}) {
		t.Errorf("Membership = %v, %v, %v", permissionIDs, member, err)
	}
	if _, member, err = teams.Membership(t.Context(), tenant, "t", "v"); member || err != nil {
		t.Errorf("Membership of a stranger = %v, %v", member, err)
	}
}

func TestProject_sameVersion_isAskedOnce(t *testing.T) {
	p, conn := newPeers(t)
	projects := clients.NewProjects(conn)
	for _, version := range []int64{3, 3, 2, 4} {
		project, err := projects.Project(t.Context(), tenant, version)
		if err != nil || project.Version < version || project.DisplayName != "Shop" || project.Catalog.Items["credits"].DisplayName != "Credits" {
			t.Fatalf("Project = %+v, %v", project, err)
		}
	}
	if p.configs != 2 {
		t.Errorf("identity was asked %d times, want once for each new version", p.configs)
	}
}
