package app

import (
	"context"
	"net/http"
	"slices"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// teamAdmin is the permission that lets a member act for the team.
const teamAdmin = "team_admin"

// authorize refuses clients that may not act for a customer (payments.md
// §4.1). Servers may act for all. For a client that passes, the customer
// exists.
func (a *App) authorize(ctx context.Context, req request, customer domain.Customer) error {
	if req.Access.Trusted() {
		return nil
	}
	if !req.SignedIn() {
		return apierr.UserAuthenticationRequired()
	}
	switch customer.Type {
	case domain.CustomerUser:
		if customer.ID != req.UserID {
			return apierr.Text(http.StatusForbidden, "Clients may act for their own user only.")
		}
		return nil
	case domain.CustomerTeam:
		return a.authorizeTeam(ctx, req, customer.ID)
	}
	return apierr.Text(http.StatusForbidden, "Clients may not act for custom customers.")
}

func (a *App) authorizeTeam(ctx context.Context, req request, teamID string) error {
	if !ids.ValidUUID(teamID) {
		return apierr.TeamMembershipNotFound(teamID, req.UserID)
	}
	permissionIDs, member, err := a.teams.Membership(ctx, req.tenant, teamID, req.UserID)
	switch {
	case err != nil:
		return err
	case !member:
		return apierr.TeamMembershipNotFound(teamID, req.UserID)
	case !slices.Contains(permissionIDs, teamAdmin):
		return apierr.TeamPermissionRequired(teamID, req.UserID, teamAdmin)
	}
	return nil
}

// requireCustomer refuses users and teams that do not exist. Custom customers
// need no existence.
func (a *App) requireCustomer(ctx context.Context, tenant ids.Tenant, customer domain.Customer) error {
	exists := customer.Type == domain.CustomerCustom
	if !exists && ids.ValidUUID(customer.ID) {
		var err error
		switch customer.Type {
		case domain.CustomerUser:
			exists, err = a.users.UserExists(ctx, tenant, customer.ID)
		case domain.CustomerTeam:
			exists, err = a.teams.TeamExists(ctx, tenant, customer.ID)
		}
		if err != nil {
			return err
		}
	}
	if !exists {
		return customerNotFound(customer)
	}
	return nil
}

func customerNotFound(customer domain.Customer) error {
	if customer.Type == domain.CustomerTeam {
		return apierr.TeamNotFound(customer.ID)
	}
	return apierr.UserNotFound()
}

// lockCustomer makes the purchases of a customer happen one after the other. A
// customer that was deleted is not found.
func lockCustomer(ctx context.Context, tx Tx, tenant ids.Tenant, customer domain.Customer) error {
	deleted, err := tx.LockCustomer(ctx, tenant, customer)
	if err == nil && deleted {
		return customerNotFound(customer)
	}
	return err
}
