package app

import (
	"context"
	"errors"
	"fmt"

	"vestibule.dev/pkg/tenancy"
)

// PurgeDeletedProjects removes what is left of deleted projects, in batches.
// Several replicas may do so at once.
func (a *App) PurgeDeletedProjects(ctx context.Context) error {
	projectIDs, err := a.store.DeletedProjects(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for _, projectID := range projectIDs {
		if err := a.purgeProject(tenancy.ForProject(ctx, projectID), projectID); err != nil {
			failures = append(failures, fmt.Errorf("purge project %s: %w", projectID, err))
		}
	}
	return errors.Join(failures...)
}

func (a *App) purgeProject(ctx context.Context, projectID string) error {
	for {
		more, err := a.store.PurgeProject(ctx, projectID)
		if err != nil || !more {
			return err
		}
	}
}
