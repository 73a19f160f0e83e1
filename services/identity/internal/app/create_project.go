package app

import (
	"context"
	"fmt"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// CreateProject creates a project owned by a team of the signed-in operator. It
// fails with TEAM_MEMBERSHIP_NOT_FOUND, or for who is no operator.
func (a *App) CreateProject(ctx context.Context, ownerTeamID string, fields ProjectPatch) (*domain.ConfiguredProject, error) {
	operator, tenant, err := operatorRequest(ctx)
	if err != nil {
		return nil, err
	}
	update, err := a.prepareProject(&fields)
	if err != nil {
		return nil, err
	}
	team, err := a.teams.Membership(ctx, tenant, ownerTeamID, operator)
	if err != nil {
		return nil, err
	}
	if team == nil {
		return nil, apierr.TeamMembershipNotFound(ownerTeamID, operator)
	}
	project := &domain.ConfiguredProject{
		Project: domain.Project{
			ID: ids.NewUUID(), OwnerTeamID: &team.ID, OnboardingStatus: domain.OnboardingCompleted,
		},
		Overrides: domain.Overrides{BranchID: domain.MainBranch, Environment: config.NewProject().Apply(update.override)},
	}
	update.applyTo(&project.Project)
	if err := update.checkTheme(project.Render()); err != nil {
		return nil, err
	}
	err = a.store.RunTx(tenancy.ForProject(ctx, project.ID), func(ctx context.Context, tx Tx) error {
		created, err := createProject(ctx, tx, project, update.uploads...)
		if err == nil && !created {
			return fmt.Errorf("project %s exists already", project.ID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return project, nil
}

// createProject inserts a project with the configuration it starts with. It
// reports false, and does nothing, when the project exists.
func createProject(ctx context.Context, tx Tx, project *domain.ConfiguredProject, logos ...domain.Image) (created bool, err error) {
	if err := project.Environment.CheckSize(); err != nil {
		return false, err
	}
	if created, err = tx.CreateProject(ctx, &project.Project); err != nil || !created {
		return false, err
	}
	tenant := ids.Tenant{ProjectID: project.ID, BranchID: project.BranchID}
	if err := tx.SaveOverride(ctx, tenant, project.Environment, config.Source{}); err != nil {
		return false, err
	}
	for _, logo := range logos {
		if err := tx.SaveLogo(ctx, project.ID, logo); err != nil {
			return false, err
		}
	}
	return true, tx.Emit(ctx, ProjectCreated{
		ProjectID: project.ID, Version: project.Version, OwnerTeamID: deref(project.OwnerTeamID),
	})
}
