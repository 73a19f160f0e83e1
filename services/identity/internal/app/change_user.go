package app

import (
	"context"
	"errors"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain"
)

// userChange is one change of a user.
type userChange struct {
	// apply changes the locked user: it writes what lives in other rows
	// through tx, sets the fields of user, which are written afterwards, and
	// returns what those cannot say.
	apply func(ctx context.Context, tx Tx, user *domain.User) (UserRow, error)
	// team is the team to be selected when selects is set; nil selects none.
	team    *domain.Team
	selects bool
	// naming is for the teams of a user who stops being anonymous.
	naming TeamNaming
	// passwordChanged ends the sessions of the user after the commit.
	passwordChanged bool
}

// errSelectionMoved says that the selected team changed between being read and
// the lock of the user.
var errSelectionMoved = errors.New("the selected team has changed")

// changeUser changes a user in one transaction and tells the world. It fails
// with USER_NOT_FOUND.
//
// The event shows the selected team, which another context owns. It is read
// before the transaction, and once more when the user has selected another one
// in between.
func (a *App) changeUser(ctx context.Context, req request, userID string, change userChange) (*UserView, error) {
	for {
		team := change.team
		var selected *string
		if !change.selects {
			var exists bool
			var err error
			if selected, exists, err = a.store.SelectedTeamID(ctx, req.tenant, userID); err != nil {
				return nil, err
			}
			if !exists {
				return nil, apierr.UserNotFound()
			}
			if team, err = a.selectedTeam(ctx, req.tenant, userID, selected); err != nil {
				return nil, err
			}
		}
		after, err := a.changeUserTx(ctx, req, userID, selected, team, change)
		if errors.Is(err, errSelectionMoved) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if change.passwordChanged {
			if err := a.sessions.RevokeSessions(ctx, req.tenant, userID, "", ReasonPasswordChanged); err != nil {
				return nil, err
			}
		}
		return after, nil
	}
}

// changeUserTx is changeUser for a team that was read as the selected one, or is to
// be.
func (a *App) changeUserTx(ctx context.Context, req request, userID string, selected *string, team *domain.Team, change userChange) (*UserView, error) {
	var after UserView
	err := a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		user, err := tx.LockUser(ctx, req.tenant, userID)
		if err != nil {
			return err
		}
		if user == nil {
			return apierr.UserNotFound()
		}
		switch {
		case change.selects:
			user.SelectedTeamID = nil
			if team != nil {
				user.SelectedTeamID = &team.ID
			}
		case deref(user.SelectedTeamID) != deref(selected):
			return errSelectionMoved
		}
		row, err := change.apply(ctx, tx, user)
		if err != nil {
			return err
		}
		if err := tx.UpdateUser(ctx, user, row); err != nil {
			return err
		}
		after = view(user, team, req.config)
		updated := UserUpdated{User: after}
		if row.SignedUpNow {
			updated.TeamNaming = &change.naming
		}
		events := []Event{updated}
		if change.passwordChanged {
			// Whoever could change it proved more than a guess would.
			if err := tx.ForgetGuesses(ctx, user.Tenant, user.ID); err != nil {
				return err
			}
			events = append(events, PasswordChanged{Tenant: user.Tenant, UserID: user.ID, RevokesSessions: true})
		}
		return tx.Emit(ctx, events...)
	})
	if err != nil {
		return nil, err
	}
	return &after, nil
}

// putPrimaryEmail makes the address the user's primary one.
func putPrimaryEmail(ctx context.Context, tx Tx, user *domain.User, email PrimaryEmailPut) error {
	if user.PrimaryEmail != nil && user.PrimaryEmail.Value != email.Value {
		if err := tx.DemotePrimaryEmail(ctx, user.Tenant, user.ID); err != nil {
			return err
		}
	}
	primary, err := tx.PutPrimaryEmail(ctx, user.Tenant, user.ID, email)
	if err != nil {
		return err
	}
	user.PrimaryEmail = primary
	return nil
}
