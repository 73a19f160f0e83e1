package app

import (
	"context"
	"encoding/json"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// Permissions are the permission definitions of a branch as another context
// wants them to be.
type Permissions struct {
	// ExpectedVersion is that of the project they were made from.
	ExpectedVersion int64
	// Definitions is the value of rbac.permissions.
	Definitions json.RawMessage
	// Defaults is the value of rbac.defaultPermissions; nil leaves it alone.
	Defaults json.RawMessage
	// EndedID is a permission that ends with the change, and RenamedID what it
	// is called from now on; empty for none.
	EndedID, RenamedID string
}

// ReplacePermissions writes permission definitions into the environment level,
// whole (teams.md §6.3), provided that the project has the expected version. It
// returns the version the project has now and whether anything was written.
func (a *App) ReplacePermissions(ctx context.Context, tenant ids.Tenant, in Permissions) (version int64, replaced bool, err error) {
	keys := map[string]json.RawMessage{"rbac.permissions": in.Definitions}
	if in.Defaults != nil {
		keys["rbac.defaultPermissions"] = in.Defaults
	}
	text, err := json.Marshal(keys)
	if err != nil {
		return 0, false, err
	}
	over, err := config.ParseDocument(config.Environment, string(text))
	if err != nil {
		return 0, false, err
	}
	project, err := a.changeProject(ctx, tenant, func(ctx context.Context, tx Tx, project *domain.ConfiguredProject) ([]Event, error) {
		// The project carries the version that the change brings about.
		if replaced = project.Version == in.ExpectedVersion+1; !replaced {
			return nil, nil
		}
		events, err := saveOverride(ctx, tx, tenant, project, project.Environment.Apply(over), project.Source)
		for i, event := range events {
			if changed, ok := event.(ProjectConfigChanged); ok {
				changed.EndedPermissionID, changed.RenamedPermissionID = in.EndedID, in.RenamedID
				events[i] = changed
			}
		}
		return events, err
	})
	if err != nil {
		return 0, false, err
	}
	return project.Version, replaced, nil
}
