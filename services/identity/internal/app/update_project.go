package app

import (
	"context"

	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// UpdateProject changes fields and legacy configuration of a project.
func (a *App) UpdateProject(ctx context.Context, fields ProjectPatch) (*domain.ConfiguredProject, error) {
	_, tenant, err := projectRequest(ctx)
	if err != nil {
		return nil, err
	}
	update, err := a.prepareProject(&fields)
	if err != nil {
		return nil, err
	}
	return a.changeProject(ctx, tenant, func(ctx context.Context, tx Tx, project *domain.ConfiguredProject) (events []Event, err error) {
		if !update.override.IsEmpty() {
			if events, err = saveOverride(ctx, tx, tenant, project, project.Environment.Apply(update.override), config.Source{}); err != nil {
				return nil, err
			}
			if err := update.checkTheme(project.Render()); err != nil {
				return nil, err
			}
		}
		if !fields.changesFields() {
			return events, nil
		}
		update.applyTo(&project.Project)
		for _, logo := range update.uploads {
			if err := tx.SaveLogo(ctx, project.ID, logo); err != nil {
				return nil, err
			}
		}
		if err := tx.DeleteLogosExcept(ctx, project.ID, project.Logos.Uploads()); err != nil {
			return nil, err
		}
		return append(events, ProjectUpdated{ProjectID: project.ID, Version: project.Version}), nil
	})
}
