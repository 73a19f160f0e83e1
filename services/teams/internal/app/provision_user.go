package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// Provision is what a new user starts with. Identity decides it from the
// configuration at that moment.
type Provision struct {
	Tenant ids.Tenant
	UserID string
	// PersonalTeam is nil when the project creates none.
	PersonalTeam *PersonalTeam
	// PermissionIDs have project scope.
	PermissionIDs []string
	// ConfigVersion is the configuration that names the permissions.
	ConfigVersion int64
}

// PersonalTeam describes the team a new user starts with. Its id comes from
// identity, which already points the user at it.
type PersonalTeam struct {
	TeamID      string
	DisplayName string
	// PermissionIDs are what the user may do there as its creator.
	PermissionIDs []string
}

// ProvisionUser creates a new user's personal team, with them as only member,
// and grants the permissions. Both the sign-up itself and the event of the new
// user ask for it, in any order and any number; only the first call has an
// effect, and none has after the user was deleted.
func (a *App) ProvisionUser(ctx context.Context, in Provision) error {
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		deleted, err := tx.LockUser(ctx, in.Tenant, in.UserID)
		if err != nil || deleted {
			return err
		}
		first, err := tx.RememberProvisioned(ctx, in.Tenant, in.UserID)
		if err != nil || !first {
			return err
		}
		if _, err := tx.GrantProjectPermissions(ctx, in.Tenant, in.UserID, in.ConfigVersion, in.PermissionIDs...); err != nil {
			return err
		}
		if in.PersonalTeam == nil {
			return nil
		}
		team := domain.Team{Tenant: in.Tenant, ID: in.PersonalTeam.TeamID, DisplayName: in.PersonalTeam.DisplayName}
		created, err := tx.CreateTeam(ctx, &team)
		if err != nil || !created {
			return err
		}
		membership := domain.Membership{Tenant: in.Tenant, TeamID: team.ID, UserID: in.UserID}
		if _, err := tx.CreateMembership(ctx, membership); err != nil {
			return err
		}
		if _, err := tx.GrantTeamPermissions(ctx, membership, in.ConfigVersion, in.PersonalTeam.PermissionIDs...); err != nil {
			return err
		}
		return tx.Emit(ctx, TeamCreated{Team: team, CreatorUserID: in.UserID, Personal: true})
	})
}
