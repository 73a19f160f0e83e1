package clients

import (
	"context"
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
	return &Projects{cache: projectconfig.NewCacheOf(load, projectconfig.CacheConfig{MaxAge: time.Nanosecond})}
}

// Project implements app.Projects.
func (p *Projects) Project(ctx context.Context, tenant ids.Tenant, minVersion int64) (*app.Project, error) {
	found, err := p.cache.Get(ctx, tenant, minVersion)
	if err != nil {
		return nil, err
	}
	return &found.Project, nil
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
