package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// RemoveUser forgets a deleted user and returns the teams they left. Teams
// stay, even when nobody is left in them. Repeating it has no effect.
func (a *App) RemoveUser(ctx context.Context, tenant ids.Tenant, userID string) (teamIDs []string, err error) {
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if _, err := tx.LockUser(ctx, tenant, userID); err != nil {
			return err
		}
		teamIDs, err = tx.DeleteUser(ctx, tenant, userID)
		if err != nil {
			return err
		}
		events := make([]Event, 0, len(teamIDs))
		for _, teamID := range teamIDs {
			events = append(events, MembershipDeleted{Membership: domain.Membership{Tenant: tenant, TeamID: teamID, UserID: userID}})
		}
		return tx.Emit(ctx, events...)
	})
	return teamIDs, err
}
