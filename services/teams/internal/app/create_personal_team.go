package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// PersonalTeam describes the team a new user starts with. Its id comes from
// identity, which already points the user at it.
type PersonalTeam struct {
	Tenant      ids.Tenant
	TeamID      string
	UserID      string
	DisplayName string
}

// CreatePersonalTeam creates the team with its user as only member. Both the
// sign-up itself and the event of the new user ask for it, in any order and
// any number; only the first call has an effect, and none has after the user or
// the project was deleted.
func (a *App) CreatePersonalTeam(ctx context.Context, personal PersonalTeam) error {
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		deleted, err := tx.LockUser(ctx, personal.Tenant, personal.UserID)
		if err != nil || deleted {
			return err
		}
		team := domain.Team{Tenant: personal.Tenant, ID: personal.TeamID, DisplayName: personal.DisplayName}
		created, err := tx.CreateTeam(ctx, &team)
		if err != nil || !created {
			return err
		}
		if _, err := tx.CreateMembership(ctx, domain.Membership{Tenant: personal.Tenant, TeamID: team.ID, UserID: personal.UserID}); err != nil {
			return err
		}
		return tx.Emit(ctx, TeamCreated{Team: team, CreatorUserID: personal.UserID, Personal: true})
	})
}
