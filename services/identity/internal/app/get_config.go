package app

import "context"

// GetConfig returns the complete configuration as JSON, past all caches.
func (a *App) GetConfig(ctx context.Context) (string, error) {
	project, err := a.GetAdminProject(ctx)
	if err != nil {
		return "", err
	}
	return string(project.Render().JSON()), nil
}
