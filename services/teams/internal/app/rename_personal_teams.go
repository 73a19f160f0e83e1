package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// RenamePersonalTeams gives the user's teams that still carry the placeholder
// name one that fits the user's new names.
func (a *App) RenamePersonalTeams(ctx context.Context, tenant ids.Tenant, userID, displayName, primaryEmail string) error {
	name := domain.PersonalTeamName(displayName, primaryEmail)
	if name == domain.PlaceholderName {
		return nil
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		teams, err := tx.RenameTeams(ctx, tenant, userID, domain.PlaceholderName, name)
		if err != nil {
			return err
		}
		events := make([]Event, 0, len(teams))
		for _, team := range teams {
			events = append(events, TeamUpdated{Team: team})
		}
		return tx.Emit(ctx, events...)
	})
}
