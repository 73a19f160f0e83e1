package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// Rendition is a project with its complete configuration at one version. It is
// shared between requests and never changed.
type Rendition struct {
	Project domain.Project
	// Rendered is the configuration with its defaults.
	Rendered config.Rendered
	// Client is the part that clients of the project see.
	Client config.ClientConfig
	// Config is the typed reading that all services share.
	Config *projectconfig.Config
}

// ConfigVersion implements projectconfig.Versioned.
func (r *Rendition) ConfigVersion() int64 { return r.Project.Version }

// Size implements projectconfig.Versioned.
func (r *Rendition) Size() int { return r.Config.Size() }

// ProjectRenditions renders configurations out of the store and remembers them
// by version: it implements Configs and Renditions at the cost of one statement
// per version of a project. It is safe for concurrent use.
type ProjectRenditions struct {
	store  ProjectStore
	logger *slog.Logger
	cache  *projectconfig.CacheOf[*Rendition]
}

// NewProjectRenditions returns an empty cache over the store.
func NewProjectRenditions(store ProjectStore, logger *slog.Logger) *ProjectRenditions {
	r := &ProjectRenditions{store: store, logger: logger}
	// Whoever names no version asks the owner of the configuration for the
	// newest one: it is not to be remembered for a moment here.
	r.cache = projectconfig.NewCacheOf(r.load, projectconfig.CacheConfig{MaxAge: time.Nanosecond})
	return r
}

// Rendition implements Renditions.
func (r *ProjectRenditions) Rendition(ctx context.Context, tenant ids.Tenant, minVersion int64) (*Rendition, error) {
	return r.cache.Get(ctx, tenant, minVersion)
}

// Get implements Configs.
func (r *ProjectRenditions) Get(ctx context.Context, tenant ids.Tenant, minVersion int64) (*projectconfig.Config, error) {
	rendition, err := r.cache.Get(ctx, tenant, minVersion)
	if err != nil {
		return nil, err
	}
	return rendition.Config, nil
}

func (r *ProjectRenditions) load(ctx context.Context, tenant ids.Tenant, _ int64) (*Rendition, error) {
	project, err := configuredProject(ctx, r.store, tenant)
	if err != nil {
		return nil, err
	}
	if len(project.Dropped) > 0 {
		r.logger.WarnContext(ctx, "the stored configuration holds keys without meaning",
			slog.String("project_id", tenant.ProjectID), slog.Any("keys", project.Dropped))
	}
	rendered := project.Render()
	typed, err := projectconfig.Parse(rendered.JSON())
	if err != nil {
		return nil, fmt.Errorf("rendered configuration of project %s: %w", tenant.ProjectID, err)
	}
	typed.Tenant, typed.Version, typed.DisplayName = tenant, project.Version, project.DisplayName
	typed.Logos = projectconfig.Logos{
		URL:             project.Logos.Value(domain.Logo),
		FullURL:         project.Logos.Value(domain.FullLogo),
		DarkModeURL:     project.Logos.Value(domain.DarkModeLogo),
		FullDarkModeURL: project.Logos.Value(domain.FullDarkModeLogo),
	}
	return &Rendition{Project: project.Project, Rendered: rendered, Client: rendered.LegacyClient(), Config: typed}, nil
}

// configuredProject reads a branch of a project that must exist.
func configuredProject(ctx context.Context, store ProjectStore, tenant ids.Tenant) (*domain.ConfiguredProject, error) {
	project, err := store.Project(ctx, tenant)
	switch {
	case err != nil:
		return nil, err
	case project == nil:
		return nil, apierr.CurrentProjectNotFound(tenant.ProjectID)
	case tenant.BranchID != domain.MainBranch:
		return nil, apierr.BranchDoesNotExist(tenant.BranchID)
	}
	return project, nil
}
