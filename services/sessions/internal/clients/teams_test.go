package clients_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	identityv1 "vestibule.dev/proto/identity/v1"
	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/sessions/internal/clients"
)

// neighbours know the user u, the team t and that u administers t.
type neighbours struct {
	identityv1.UnimplementedUserInternalServiceServer
	teamsv1.UnimplementedTeamInternalServiceServer
}

func (neighbours) ListTeamMembers(_ context.Context, req *teamsv1.ListTeamMembersRequest) (*teamsv1.ListTeamMembersResponse, error) {
	res := &teamsv1.ListTeamMembersResponse{}
	if req.GetTeamId() == "t" && req.GetPermissionId() == "$manage_api_keys" {
		res.UserIds = []string{"u", "v"}
	}
	return res, nil
}

func (neighbours) ListUserContacts(_ context.Context, req *identityv1.ListUserContactsRequest) (*identityv1.ListUserContactsResponse, error) {
	res := &identityv1.ListUserContactsResponse{}
	if len(req.GetUserIds()) > 1 {
		res.Users = append(res.Users, &identityv1.UserContact{UserId: "v"},
			&identityv1.UserContact{UserId: "w", PrimaryEmail: wrapperspb.String("w@example.com")})
	}
	if req.GetProjectId() == "internal" && slices.Equal(req.GetUserIds(), []string{"u"}) {
		res.Users = append(res.Users, &identityv1.UserContact{UserId: "u"})
	}
	return res, nil
}

func (neighbours) GetTeam(_ context.Context, req *teamsv1.GetTeamRequest) (*teamsv1.GetTeamResponse, error) {
	res := &teamsv1.GetTeamResponse{}
	if req.GetBranchId() == "main" && req.GetTeamId() == "t" {
		res.Team = &teamsv1.Team{Id: "t"}
	}
	return res, nil
}

func (neighbours) GetMembership(_ context.Context, req *teamsv1.GetMembershipRequest) (*teamsv1.GetMembershipResponse, error) {
	res := &teamsv1.GetMembershipResponse{}
	if req.GetProjectId() == "internal" && req.GetTeamId() == "t" && req.GetUserId() == "u" {
		res.Team, res.PermissionIds = &teamsv1.Team{Id: "t"}, []string{"$manage_api_keys"}
	}
	return res, nil
}

func TestOwners_existOrNot(t *testing.T) {
	conn := grpctest.New(t, "neighbours", func(registrar grpc.ServiceRegistrar) {
		identityv1.RegisterUserInternalServiceServer(registrar, neighbours{})
		teamsv1.RegisterTeamInternalServiceServer(registrar, neighbours{})
	}).Caller("sessions")
	tenant := ids.Tenant{ProjectID: "internal", BranchID: "main"}
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
	for user, want := range map[string][]string{"u": {"$manage_api_keys"}, "v": nil} {
		if got, err := teams.Permissions(t.Context(), tenant, "t", user); !slices.Equal(got, want) || err != nil {
			t.Errorf("permissions of %s: %v, %v", user, got, err)
		}
	}
}

func TestMembersWith_andTheirAddresses(t *testing.T) {
	conn := grpctest.New(t, "neighbours", func(registrar grpc.ServiceRegistrar) {
		identityv1.RegisterUserInternalServiceServer(registrar, neighbours{})
		teamsv1.RegisterTeamInternalServiceServer(registrar, neighbours{})
	}).Caller("sessions")
	tenant := ids.Tenant{ProjectID: "internal", BranchID: "main"}
	members, err := clients.NewTeams(conn).MembersWith(t.Context(), tenant, "t", "$manage_api_keys")
	if err != nil || !slices.Equal(members, []string{"u", "v"}) {
		t.Errorf("members %v, %v", members, err)
	}
	emails, err := clients.NewUsers(conn).PrimaryEmails(t.Context(), tenant, []string{"v", "w"})
	if err != nil || !maps.Equal(emails, map[string]string{"w": "w@example.com"}) {
		t.Errorf("addresses %v, %v", emails, err)
	}
}
