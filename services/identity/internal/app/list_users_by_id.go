package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
)

// ListUsersByID reads users for another context, which fills in the teams they
// have selected. Unknown ids are left out.
func (a *App) ListUsersByID(ctx context.Context, tenant ids.Tenant, userIDs []string) ([]UserView, error) {
	if len(userIDs) == 0 {
		return nil, nil
	}
	var version int64 // the newest, unless a request has seen one
	if caller, ok := principal.FromContext(ctx); ok && caller.ProjectID == tenant.ProjectID {
		version = caller.ConfigVersion
	}
	config, err := a.configs.Get(ctx, tenant, version)
	if err != nil {
		return nil, err
	}
	users, err := a.store.UsersByID(ctx, tenant, userIDs)
	if err != nil {
		return nil, err
	}
	views := make([]UserView, 0, len(users))
	for _, user := range users {
		views = append(views, UserView{User: user, RestrictedReason: user.RestrictedReason(config.Onboarding.RequireEmailVerification)})
	}
	return views, nil
}
