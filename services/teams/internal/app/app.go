package app

import (
	"context"
	"log/slog"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
)

// Deps are the ports of the use cases.
type Deps struct {
	Store    Store
	Projects Projects
	Users    Users
	Logger   *slog.Logger
	Limits   Limits
	// Fingerprint is a digest of a text for one use, by which nobody who does not
	// know the text recognises it.
	Fingerprint func(use, text string) string
	// PublicURL is the origin under which the API is reached, without a
	// trailing slash.
	PublicURL string
}

// App runs the use cases.
type App struct {
	store    Store
	projects Projects
	users    Users
	logger   *slog.Logger
	limits   Limits

	fingerprint func(use, text string) string
	publicURL   string
}

// New returns an App over its ports.
func New(deps Deps) *App {
	return &App{
		store: deps.Store, projects: deps.Projects, users: deps.Users, logger: deps.Logger,
		limits: deps.Limits, fingerprint: deps.Fingerprint, publicURL: deps.PublicURL,
	}
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

// enter takes part in the caller's project. It fails with
// CURRENT_PROJECT_NOT_FOUND when the project was deleted.
func (r request) enter(ctx context.Context, tx Tx) error {
	deleted, err := tx.Enter(ctx, r.tenant)
	if err == nil && deleted {
		err = apierr.CurrentProjectNotFound(r.tenant.ProjectID)
	}
	return err
}

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
