package app

import "context"

// GetCurrentProject reads what apps may know of their project.
func (a *App) GetCurrentProject(ctx context.Context) (*Rendition, error) {
	caller, tenant, err := projectRequest(ctx)
	if err != nil {
		return nil, err
	}
	return a.renditions.Rendition(ctx, tenant, caller.ConfigVersion)
}
