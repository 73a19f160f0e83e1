package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// purgeBatch bounds the users that one statement removes with all that belongs
// to them.
const purgeBatch = 500

// Project implements app.ProjectStore.
func (s *Store) Project(ctx context.Context, tenant ids.Tenant) (*domain.ConfiguredProject, error) {
	return s.project(ctx, s.queries(ctx), tenant)
}

// ProjectsOfTeams implements app.ProjectStore.
func (s *Store) ProjectsOfTeams(ctx context.Context, teamIDs []string) ([]domain.ConfiguredProject, error) {
	ctx = tenancy.ForAllProjects(ctx) // teams of project internal own all others
	rows, err := s.queries(ctx).ProjectsOfTeams(ctx, db.ProjectsOfTeamsParams{
		BranchID: domain.MainBranch, TeamIds: teamIDs,
	})
	if err != nil {
		return nil, err
	}
	projects := make([]domain.ConfiguredProject, 0, len(rows))
	for _, row := range rows {
		project, err := s.toConfiguredProject(domain.MainBranch, db.ProjectRow(row))
		if err != nil {
			return nil, err
		}
		projects = append(projects, *project)
	}
	return projects, nil
}

// ProjectAccess implements app.ProjectStore.
func (s *Store) ProjectAccess(ctx context.Context, projectID string) (*app.ProjectAccess, error) {
	rows, err := s.queries(ctx).ProjectAccess(ctx, projectID)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	document, _, err := toDocument(config.Project, rows[0].ProjectDocument)
	if err != nil {
		return nil, err
	}
	rendered := config.Render(document, config.Document{}, config.Document{}, config.BuiltIns{})
	access := &app.ProjectAccess{
		ProjectID:                   projectID,
		Version:                     rows[0].Version,
		RequirePublishableClientKey: rendered.RequiresPublishableClientKey(),
		Branches:                    []string{domain.MainBranch},
	}
	for _, row := range rows {
		if row.KeySetID == nil {
			continue
		}
		access.KeySets = append(access.KeySets, domain.APIKeySet{
			ID:                   *row.KeySetID,
			ExpiresAt:            *row.ExpiresAt,
			PublishableClientKey: toStoredKey(row.PublishableClientKeyHash, nil),
			SecretServerKey:      toStoredKey(row.SecretServerKeyHash, nil),
			SuperSecretAdminKey:  toStoredKey(row.SuperSecretAdminKeyHash, nil),
		})
	}
	return access, nil
}

// ProjectOwnership implements app.ProjectStore.
func (s *Store) ProjectOwnership(ctx context.Context, projectID, operatorID string) (ownerTeamID *string, operatorExists bool, err error) {
	ctx = tenancy.ForAllProjects(ctx) // the operator is a user of project internal
	row, err := s.queries(ctx).ProjectOwnership(ctx, db.ProjectOwnershipParams{
		ProjectID:         projectID,
		OperatorProjectID: domain.InternalProject, OperatorBranchID: domain.MainBranch, OperatorID: operatorID,
	})
	return row.OwnerTeamID, row.OperatorExists, err
}

// DeletedProjects implements app.ProjectStore.
func (s *Store) DeletedProjects(ctx context.Context) ([]string, error) {
	return s.queries(ctx).DeletedProjects(ctx)
}

// PurgeProject implements app.ProjectStore.
func (s *Store) PurgeProject(ctx context.Context, projectID string) (more bool, err error) {
	users, err := s.queries(ctx).PurgeUsers(ctx, db.PurgeUsersParams{ProjectID: projectID, Batch: purgeBatch})
	if err != nil {
		return false, err
	}
	if users == purgeBatch {
		return true, nil
	}
	return false, s.db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		queries := db.New(tx)
		gone, err := queries.PurgeProject(ctx, projectID)
		if err != nil || gone == 0 {
			return err
		}
		if err := queries.PurgeGuesses(ctx, projectID); err != nil {
			return err
		}
		if err := onetime.PurgeProject(ctx, tx, projectID); err != nil {
			return err
		}
		return courier.PurgeProject(ctx, tx, projectID)
	})
}

func (t *tx) CreateProject(ctx context.Context, project *domain.Project) (created bool, err error) {
	row, err := t.queries.CreateProject(ctx, db.CreateProjectParams{
		ID:                  project.ID,
		DisplayName:         project.DisplayName,
		Description:         project.Description,
		LogoUrl:             project.Logos[domain.Logo],
		LogoFullUrl:         project.Logos[domain.FullLogo],
		LogoDarkModeUrl:     project.Logos[domain.DarkModeLogo],
		LogoFullDarkModeUrl: project.Logos[domain.FullDarkModeLogo],
		IsProductionMode:    project.IsProductionMode,
		OwnerTeamID:         project.OwnerTeamID,
		OnboardingStatus:    project.OnboardingStatus,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	project.Version, project.CreatedAt = row.Version, row.CreatedAt
	return true, nil
}

func (t *tx) LockProject(ctx context.Context, tenant ids.Tenant) (*domain.ConfiguredProject, error) {
	_, err := t.queries.LockProject(ctx, tenant.ProjectID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// A statement of its own: its snapshot must be younger than the lock.
	return t.project(ctx, t.queries, tenant)
}

func (t *tx) UpdateProject(ctx context.Context, project *domain.Project) (err error) {
	project.Version, err = t.queries.UpdateProject(ctx, db.UpdateProjectParams{
		ID:                  project.ID,
		DisplayName:         project.DisplayName,
		Description:         project.Description,
		LogoUrl:             project.Logos[domain.Logo],
		LogoFullUrl:         project.Logos[domain.FullLogo],
		LogoDarkModeUrl:     project.Logos[domain.DarkModeLogo],
		LogoFullDarkModeUrl: project.Logos[domain.FullDarkModeLogo],
		IsProductionMode:    project.IsProductionMode,
		OnboardingStatus:    project.OnboardingStatus,
		OwnerTeamID:         project.OwnerTeamID,
	})
	return err
}

func (t *tx) DeleteProject(ctx context.Context, projectID string) error {
	return t.queries.DeleteProject(ctx, projectID)
}

func (t *tx) SaveOverride(ctx context.Context, tenant ids.Tenant, document config.Document, source config.Source) error {
	sealed, err := t.seal(tenant, document)
	if err != nil {
		return err
	}
	params := db.SaveOverrideParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Level: string(document.Level()), Document: []byte(sealed.String()),
	}
	switch document.Level() {
	case config.Project:
		params.BranchID = ""
	case config.Branch:
		params.Source = []byte(source.String())
	}
	return t.queries.SaveOverride(ctx, params)
}

func (t *tx) SaveLogo(ctx context.Context, projectID string, image domain.Image) error {
	return t.queries.SaveLogo(ctx, db.SaveLogoParams{
		ProjectID: projectID, ID: image.ID, Format: string(image.Format), Bytes: image.Bytes,
	})
}

func (t *tx) DeleteLogosExcept(ctx context.Context, projectID string, kept []string) error {
	return t.queries.DeleteLogosExcept(ctx, db.DeleteLogosExceptParams{ProjectID: projectID, Kept: kept})
}

func (o outlets) project(ctx context.Context, queries *db.Queries, tenant ids.Tenant) (*domain.ConfiguredProject, error) {
	row, err := queries.Project(ctx, db.ProjectParams{ID: tenant.ProjectID, BranchID: tenant.BranchID})
	return found(row, err, func(row db.ProjectRow) (*domain.ConfiguredProject, error) {
		return o.toConfiguredProject(tenant.BranchID, row)
	})
}

func (o outlets) toConfiguredProject(branchID string, row db.ProjectRow) (*domain.ConfiguredProject, error) {
	project := &domain.ConfiguredProject{
		Project: domain.Project{
			ID:          row.Project.ID,
			DisplayName: row.Project.DisplayName,
			Description: row.Project.Description,
			Logos: domain.Logos{
				domain.Logo:             row.Project.LogoUrl,
				domain.FullLogo:         row.Project.LogoFullUrl,
				domain.DarkModeLogo:     row.Project.LogoDarkModeUrl,
				domain.FullDarkModeLogo: row.Project.LogoFullDarkModeUrl,
			},
			IsProductionMode: row.Project.IsProductionMode,
			OwnerTeamID:      row.Project.OwnerTeamID,
			OnboardingStatus: row.Project.OnboardingStatus,
			Version:          row.Project.Version,
			CreatedAt:        row.Project.CreatedAt,
		},
		Overrides: domain.Overrides{BranchID: branchID},
	}
	for level, stored := range map[config.Level][]byte{
		config.Project:     row.ProjectDocument,
		config.Branch:      row.BranchDocument,
		config.Environment: row.EnvironmentDocument,
	} {
		document, dropped, err := toDocument(level, stored)
		if err != nil {
			return nil, fmt.Errorf("project %s: %w", project.ID, err)
		}
		if document, err = o.open(ids.Tenant{ProjectID: project.ID, BranchID: branchID}, document); err != nil {
			return nil, err
		}
		project.Set(level, document)
		project.Dropped = append(project.Dropped, dropped...)
	}
	var err error
	if project.Source, err = config.LoadSource(string(row.Source)); err != nil {
		return nil, fmt.Errorf("project %s: %w", project.ID, err)
	}
	return project, nil
}

// toDocument reads a stored override; there is none where nothing was written.
func toDocument(level config.Level, stored []byte) (document config.Document, dropped []string, err error) {
	if stored == nil {
		stored = []byte("{}")
	}
	return config.LoadDocument(level, string(stored))
}
