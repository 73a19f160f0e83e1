package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// ProjectStore reads projects, their configuration and their keys. A deleted
// project does not exist.
type ProjectStore interface {
	Project(ctx context.Context, tenant ids.Tenant) (*domain.ConfiguredProject, error)
	// ProjectsOfTeams lists the main branches of what the teams own, oldest
	// first.
	ProjectsOfTeams(ctx context.Context, teamIDs []string) ([]domain.ConfiguredProject, error)
	ProjectAccess(ctx context.Context, projectID string) (*ProjectAccess, error)
	// ProjectOwnership reads which team owns the project, if there is both, and
	// whether the user of project internal exists.
	ProjectOwnership(ctx context.Context, projectID, operatorID string) (ownerTeamID *string, operatorExists bool, err error)

	// APIKeySets lists the key sets of the project, newest first.
	APIKeySets(ctx context.Context, projectID string) ([]domain.APIKeySet, error)
	APIKeySet(ctx context.Context, projectID, keySetID string) (*domain.APIKeySet, error)

	// DeletedProjects lists projects that were deleted and have rows left.
	DeletedProjects(ctx context.Context) (projectIDs []string, err error)
	// PurgeProject removes some rows of a deleted project, in a transaction of
	// its own, and reports whether any are left.
	PurgeProject(ctx context.Context, projectID string) (more bool, err error)
}

// ProjectTx writes projects, their configuration and their keys.
type ProjectTx interface {
	// CreateProject inserts the project, fills in what the database decides
	// and reports false when its id is taken.
	CreateProject(ctx context.Context, project *domain.Project) (created bool, err error)
	// LockProject waits for other changes of the project and reads it.
	LockProject(ctx context.Context, tenant ids.Tenant) (*domain.ConfiguredProject, error)
	// UpdateProject writes the project's own row and raises its version.
	UpdateProject(ctx context.Context, project *domain.Project) error
	// DeleteProject makes the project vanish; its rows stay to be purged.
	DeleteProject(ctx context.Context, projectID string) error
	// SaveOverride writes the document of one level. The source belongs to
	// level branch.
	SaveOverride(ctx context.Context, tenant ids.Tenant, document config.Document, source config.Source) error

	// SaveLogo keeps the image for the project.
	SaveLogo(ctx context.Context, projectID string, image domain.Image) error
	// DeleteLogosExcept forgets the uploaded logos but those kept.
	DeleteLogosExcept(ctx context.Context, projectID string, kept []string) error

	// CreateAPIKeySet inserts the set and fills in what the database decides.
	CreateAPIKeySet(ctx context.Context, projectID string, set *domain.APIKeySet) error
	// UpdateAPIKeySet writes the description and, when revokes is set, revokes
	// the set now.
	UpdateAPIKeySet(ctx context.Context, projectID string, set *domain.APIKeySet, revokes bool) error
	DeleteAPIKeySet(ctx context.Context, projectID, keySetID string) error
}

// ProjectAccess is what authenticates requests for a project.
type ProjectAccess struct {
	ProjectID                   string
	Version                     int64
	RequirePublishableClientKey bool
	Branches                    []string
	// KeySets are the sets that are neither revoked nor expired, without
	// descriptions.
	KeySets []domain.APIKeySet
}

// Renditions shows rendered configurations.
type Renditions interface {
	// Rendition returns a view of the project, at least as new as minVersion;
	// with 0 it is the newest.
	Rendition(ctx context.Context, tenant ids.Tenant, minVersion int64) (*Rendition, error)
}
