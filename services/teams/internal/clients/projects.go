package clients

import (
	"context"
	"encoding/json"
	"time"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/service"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
)

// Projects implements app.Projects. It remembers what it was told, by version.
type Projects struct {
	rpc   identityv1.ProjectInternalServiceClient
	cache *projectconfig.CacheOf[view]
}

// view adds the graph of permissions to the bound of the cache.
type view struct {
	app.Project

	size int
}

func (v view) ConfigVersion() int64 { return v.Version }
func (v view) Size() int            { return v.size }

// NewProjects returns the projects of the identity context behind conn.
func NewProjects(conn grpc.ClientConnInterface) *Projects {
	rpc := identityv1.NewProjectInternalServiceClient(conn)
	load := func(ctx context.Context, tenant ids.Tenant, minVersion int64) (view, error) {
		res, err := rpc.GetProjectConfig(ctx, &identityv1.GetProjectConfigRequest{
			ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, MinVersion: minVersion,
		})
		if err != nil {
			return view{}, err
		}
		config, err := service.FromProto(tenant, res)
		if err != nil {
			return view{}, err
		}
		return view{
			Project: app.Project{Config: config, Permissions: permissions(config.RBAC)},
			size:    2 * len(res.GetConfig()),
		}, nil
	}
	// Whoever names no version asks for the newest: rights are never judged by
	// what was.
	return &Projects{rpc: rpc, cache: projectconfig.NewCacheOf(load, projectconfig.CacheConfig{MaxAge: time.Nanosecond})}
}

// Project implements app.Projects.
func (p *Projects) Project(ctx context.Context, tenant ids.Tenant, minVersion int64) (*app.Project, error) {
	found, err := p.cache.Get(ctx, tenant, minVersion)
	if err != nil {
		return nil, err
	}
	return &found.Project, nil
}

// ReplacePermissions implements app.Projects.
func (p *Projects) ReplacePermissions(ctx context.Context, tenant ids.Tenant, expectedVersion int64, change *domain.PermissionChange) (version int64, replaced bool, err error) {
	req := &identityv1.ReplacePermissionsRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, ExpectedVersion: expectedVersion,
		EndedPermissionId: change.Ended, RenamedPermissionId: change.Renamed,
	}
	if req.Permissions, err = json.Marshal(definitions(change.Definitions)); err != nil {
		return 0, false, err
	}
	if change.Defaults != nil {
		if req.DefaultPermissions, err = json.Marshal(map[string]map[string]bool{
			"teamCreator": set(change.Defaults.TeamCreator), "teamMember": set(change.Defaults.TeamMember), "signUp": set(change.Defaults.SignUp),
		}); err != nil {
			return 0, false, err
		}
	}
	res, err := p.rpc.ReplacePermissions(ctx, req)
	return res.GetVersion(), res.GetReplaced(), err
}

// definition is one entry of rbac.permissions.
type definition struct {
	Description            *string         `json:"description,omitempty"`
	Scope                  domain.Scope    `json:"scope,omitempty"`
	ContainedPermissionIDs map[string]bool `json:"containedPermissionIds"`
}

func definitions(list []domain.Definition) map[string]definition {
	byID := make(map[string]definition, len(list))
	for _, d := range list {
		byID[d.ID] = definition{Description: d.Description, Scope: d.Scope, ContainedPermissionIDs: set(d.Contains)}
	}
	return byID
}

// set is how configurations hold a set of ids.
func set(list []string) map[string]bool {
	members := make(map[string]bool, len(list))
	for _, id := range list {
		members[id] = true
	}
	return members
}

func permissions(rbac projectconfig.RBAC) *domain.Permissions {
	definitions := make([]domain.Definition, 0, len(rbac.Permissions))
	for id, permission := range rbac.Permissions {
		definitions = append(definitions, domain.Definition{
			ID: id, Description: permission.Description, Scope: domain.Scope(permission.Scope),
			Contains: permission.ContainedPermissionIDs.Sorted(),
		})
	}
	return domain.NewPermissions(definitions...)
}
