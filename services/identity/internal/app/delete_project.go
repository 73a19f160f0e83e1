package app

import (
	"context"
	"log/slog"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain"
)

// DeleteProject deletes a project with everything in it. The project does not
// exist for anybody from the commit on, its keys with it; rows are removed as
// far as a moment allows, and the rest by [App.PurgeDeletedProjects]. Other
// contexts follow the event.
func (a *App) DeleteProject(ctx context.Context) error {
	_, tenant, err := projectRequest(ctx)
	if err != nil {
		return err
	}
	if tenant.ProjectID == domain.InternalProject {
		return apierr.Text(http.StatusBadRequest, "The project that operates all others cannot be deleted.")
	}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		project, err := tx.LockProject(ctx, tenant)
		if err != nil {
			return err
		}
		if project == nil {
			return apierr.CurrentProjectNotFound(tenant.ProjectID)
		}
		if err := tx.DeleteProject(ctx, tenant.ProjectID); err != nil {
			return err
		}
		return tx.Emit(ctx, ProjectDeleted{ProjectID: tenant.ProjectID, Version: project.Version + 1})
	})
	if err != nil {
		return err
	}
	a.announce(tenant.ProjectID)
	ctx, cancel := context.WithTimeout(ctx, tellBudget)
	defer cancel()
	if err := a.purgeProject(ctx, tenant.ProjectID); err != nil {
		a.logger.InfoContext(ctx, "rows of a deleted project are left to the purge",
			slog.String("project_id", tenant.ProjectID), slog.Any("error", err))
	}
	return nil
}
