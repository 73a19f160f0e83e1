package app

import "context"

// GetProjectAccess reads what authenticates requests for a project, past all
// caches; nil when there is no such project.
func (a *App) GetProjectAccess(ctx context.Context, projectID string) (*ProjectAccess, error) {
	return a.store.ProjectAccess(ctx, projectID)
}
