package app

import (
	"context"

	"vestibule.dev/pkg/ids"
)

// GetProjectConfig shows a project's configuration to the other contexts, at
// least as new as minVersion; with 0 it is the newest.
func (a *App) GetProjectConfig(ctx context.Context, tenant ids.Tenant, minVersion int64) (*Rendition, error) {
	return a.renditions.Rendition(ctx, tenant, minVersion)
}
