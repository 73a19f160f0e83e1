package clients_test

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/teams/internal/clients"
	"vestibule.dev/services/teams/internal/domain"
)

var tenant = ids.Tenant{ProjectID: "internal", BranchID: "main"}

// peers plays identity.
type peers struct {
	identityv1.UnimplementedProjectInternalServiceServer

	configs int
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
