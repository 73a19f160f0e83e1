package clients_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/teams/internal/clients"
	"vestibule.dev/services/teams/internal/domain"
)

var tenant = ids.Tenant{ProjectID: "internal", BranchID: "main"}

// peers plays identity. It knows the users u and v.
type peers struct {
	identityv1.UnimplementedProjectInternalServiceServer
	identityv1.UnimplementedUserInternalServiceServer

	configs  int
	asked    int
	replaced *identityv1.ReplacePermissionsRequest
}

func (p *peers) ReplacePermissions(_ context.Context, req *identityv1.ReplacePermissionsRequest) (*identityv1.ReplacePermissionsResponse, error) {
	p.replaced = req
	return &identityv1.ReplacePermissionsResponse{Version: 8, Replaced: true}, nil
}

func (p *peers) ListUsersById(_ context.Context, req *identityv1.ListUsersByIdRequest) (*identityv1.ListUsersByIdResponse, error) {
	p.asked++
	res := &identityv1.ListUsersByIdResponse{}
	for _, id := range req.GetUserIds() {
		if req.GetProjectId() == "internal" && (id == "u" || id == "v") {
			res.Users = append(res.Users, &identityv1.User{
				Id: id, DisplayName: wrapperspb.String("Ada"), SelectedTeamId: wrapperspb.String("t"), HasPassword: true,
				IsRestricted: true, RestrictedReason: &typesv1.RestrictedReason{Type: "anonymous"},
			})
		}
	}
	return res, nil
}

func (*peers) ListVerifiedEmails(_ context.Context, req *identityv1.ListVerifiedEmailsRequest) (*identityv1.ListVerifiedEmailsResponse, error) {
	res := &identityv1.ListVerifiedEmailsResponse{}
	if slices.Equal(req.GetUserIds(), []string{"u"}) {
		res.Users = append(res.Users, &identityv1.VerifiedEmails{UserId: "u", Emails: []string{"a@example.com", "b@example.com"}})
	}
	return res, nil
}

func (p *peers) GetProjectConfig(_ context.Context, req *identityv1.GetProjectConfigRequest) (*identityv1.GetProjectConfigResponse, error) {
	p.configs++
	return &identityv1.GetProjectConfigResponse{
		Version: max(req.GetMinVersion(), 1), DisplayName: "Shop",
		Config: []byte(`{"rbac": {"permissions": {
			"team_admin": {"scope": "team", "containedPermissionIds": {"team_member": true, "$update_team": true, "off": false}},
			"team_member": {"scope": "team", "containedPermissionIds": {"$read_members": true}},
			"off": {"scope": "team"}
		}}}`),
	}, nil
}

func newPeers(t *testing.T) (*peers, *grpc.ClientConn) {
	p := &peers{}
	server := grpctest.New(t, "peers", func(r grpc.ServiceRegistrar) {
		identityv1.RegisterProjectInternalServiceServer(r, p)
		identityv1.RegisterUserInternalServiceServer(r, p)
	})
	return p, server.Caller("teams")
}

func TestProject_sameVersion_isAskedOnce(t *testing.T) {
	p, conn := newPeers(t)
	projects := clients.NewProjects(conn)
	for _, version := range []int64{3, 3, 2, 4} {
		project, err := projects.Project(t.Context(), tenant, version)
		if err != nil || project.Version < version || project.DisplayName != "Shop" {
			t.Fatalf("Project = %+v, %v", project, err)
		}
		if got, want := project.Permissions.Closure(domain.TeamScope, "team_admin"), []string{
			"$read_members", "$update_team", "team_admin", "team_member",
		}; !slices.Equal(got, want) {
			t.Fatalf("an administrator may %q, want %q", got, want)
		}
	}
	if p.configs != 2 {
		t.Errorf("identity was asked %d times, want once for each new version", p.configs)
	}
}

func TestReplacePermissions_change_isConfiguration(t *testing.T) {
	p, conn := newPeers(t)
	version, replaced, err := clients.NewProjects(conn).ReplacePermissions(t.Context(), tenant, 7, &domain.PermissionChange{
		Definitions: []domain.Definition{
			{ID: "crew", Description: new("Everybody"), Scope: domain.TeamScope, Contains: []string{"$read_members"}}, {ID: "odd"},
		},
		Defaults: &domain.Defaults{TeamMember: []string{"crew"}},
		Ended:    "team_member", Renamed: "crew",
	})
	if err != nil || version != 8 || !replaced {
		t.Fatalf("%d, %v, %v", version, replaced, err)
	}
	if got := p.replaced; got.GetExpectedVersion() != 7 || got.GetEndedPermissionId() != "team_member" || got.GetRenamedPermissionId() != "crew" ||
		string(got.GetPermissions()) != `{"crew":{"description":"Everybody","scope":"team","containedPermissionIds":{"$read_members":true}},"odd":{"containedPermissionIds":{}}}` ||
		string(got.GetDefaultPermissions()) != `{"signUp":{},"teamCreator":{},"teamMember":{"crew":true}}` {
		t.Errorf("sent %v", got)
	}
	if _, _, err := clients.NewProjects(conn).ReplacePermissions(t.Context(), tenant, 7, &domain.PermissionChange{}); err != nil || len(p.replaced.GetDefaultPermissions()) != 0 {
		t.Errorf("defaults that stay are sent: %v, %v", p.replaced, err)
	}
}

func TestUsers_answer_isByID(t *testing.T) {
	p, conn := newPeers(t)
	users := clients.NewUsers(conn)
	many := []string{"u", "v", "u", "gone"}
	for range 250 {
		many = append(many, ids.NewUUID())
	}
	found, err := users.Users(t.Context(), tenant, many...)
	if err != nil || len(found) != 2 || p.asked != 2 {
		t.Fatalf("%v after %d questions, %v", found, p.asked, err)
	}
	if u := found["u"]; *u.DisplayName != "Ada" || u.ProfileImageURL != nil || u.RestrictedReason != "anonymous" || *u.SelectedTeamID != "t" ||
		!strings.Contains(string(u.Representation), `"has_password":true`) || !strings.Contains(string(u.Representation), `"selected_team":null`) {
		t.Errorf("user %+v: %s", u, u.Representation)
	}
	if found, err = users.Users(t.Context(), tenant); err != nil || len(found) != 0 || p.asked != 2 {
		t.Errorf("nobody asked for: %v, %v", found, err)
	}
	for id, want := range map[string][]string{"u": {"a@example.com", "b@example.com"}, "gone": nil} {
		if emails, err := users.VerifiedEmails(t.Context(), tenant, id); err != nil || !slices.Equal(emails, want) {
			t.Errorf("%s has verified %v, %v", id, emails, err)
		}
	}
}

func TestSystemPermissions_areTheSameEverywhere(t *testing.T) {
	permissions := domain.NewPermissions()
	all := permissions.InScope(domain.TeamScope)
	if len(all) != len(projectconfig.SystemPermissions()) {
		t.Errorf("%d system permissions here, %d in the configuration", len(all), len(projectconfig.SystemPermissions()))
	}
	for _, id := range projectconfig.SystemPermissions() {
		if !domain.IsSystemPermission(id) {
			t.Errorf("%s is no system permission", id)
		}
	}
}
