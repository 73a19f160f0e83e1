package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
)

// Deps are the ports of the use cases.
type Deps struct {
	Store    Store
	Projects Projects
}

// App runs the use cases.
type App struct {
	store    Store
	projects Projects
}

// New returns an App over its ports.
func New(deps Deps) *App {
	return &App{store: deps.Store, projects: deps.Projects}
}

// request is what every use case of a project's request begins with.
type request struct {
	principal.Principal

	tenant  ids.Tenant
	project *Project
}

// request reads who is calling and how their project is configured.
func (a *App) request(ctx context.Context) (request, error) {
	caller, ok := principal.FromContext(ctx)
	if !ok || caller.ProjectID == "" {
		return request{}, apierr.AccessTypeRequired()
	}
	tenant := ids.Tenant{ProjectID: caller.ProjectID, BranchID: caller.BranchID}
	project, err := a.projects.Project(ctx, tenant, caller.ConfigVersion)
	if err != nil {
		return request{}, err
	}
	return request{Principal: caller, tenant: tenant, project: project}, nil
}

// isClient reports whether the fields and rights of clients apply.
func (r request) isClient() bool { return !r.Access.Trusted() }

// configVersion is the version of the tenant's configuration that the request
// behind an internal call saw; 0, which stands for the newest, when there is no
// such request.
func configVersion(ctx context.Context, tenant ids.Tenant) int64 {
	caller, ok := principal.FromContext(ctx)
	if !ok || caller.ProjectID != tenant.ProjectID {
		return 0
	}
	return caller.ConfigVersion
}
