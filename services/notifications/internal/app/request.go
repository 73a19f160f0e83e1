package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
)

// request is what every use case of a project's request begins with.
type request struct {
	principal.Principal

	tenant ids.Tenant
}

// readRequest tells who is calling.
func readRequest(ctx context.Context) (request, error) {
	caller, ok := principal.FromContext(ctx)
	if !ok || caller.ProjectID == "" {
		return request{}, apierr.AccessTypeRequired()
	}
	return request{Principal: caller, tenant: ids.Tenant{ProjectID: caller.ProjectID, BranchID: caller.BranchID}}, nil
}

// configuration is the project's configuration as the caller last saw it, or
// newer.
func (a *App) configuration(ctx context.Context, req request) (*projectconfig.Config, error) {
	return a.Configs.Get(ctx, req.tenant, req.ConfigVersion)
}

// authorizeOwn refuses clients that are not signed in as the user.
func (r request) authorizeOwn(userID string) error {
	switch {
	case r.Access.Trusted():
		return nil
	case !r.SignedIn():
		return apierr.UserAuthenticationRequired()
	case r.UserID != userID:
		return apierr.Text(http.StatusForbidden, "Clients may read and change the notification preferences of their own user only.")
	}
	return nil
}

// requireUser refuses users that do not exist. The token of a deleted user
// outlives them: "me" stands for nobody then (protocol §5, step 12).
func (a *App) requireUser(ctx context.Context, req request, userID string) error {
	contacts, err := a.Users.Contacts(ctx, req.tenant, []string{userID})
	if err != nil {
		return err
	}
	if _, ok := contacts[userID]; ok {
		return nil
	}
	if req.UserID == userID {
		return apierr.CannotGetOwnUserWithoutUser()
	}
	return apierr.UserNotFound()
}
