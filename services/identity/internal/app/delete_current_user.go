package app

import (
	"context"
	"net/http"
	"sync"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
)

// DeleteCurrentUser deletes the signed-in user (users.md §2.3).
func (a *App) DeleteCurrentUser(ctx context.Context) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if req.isClient() && !req.config.Users.AllowClientUserDeletion {
		return apierr.Text(http.StatusBadRequest, "This project does not allow users to delete their account.")
	}
	if !req.SignedIn() {
		return apierr.CannotGetOwnUserWithoutUser()
	}
	deleted, err := a.deleteUser(ctx, req.tenant, req.UserID)
	if err != nil {
		return err
	}
	if !deleted {
		return apierr.CannotGetOwnUserWithoutUser()
	}
	return nil
}

// deleteUser deletes a user here and tells those who must forget them, so that
// a healthy system has forgotten them when the caller hears of it. It reports
// false when there is no such user.
func (a *App) deleteUser(ctx context.Context, tenant ids.Tenant, userID string) (deleted bool, err error) {
	var teamIDs []string
	a.tell(ctx, "list the teams of a user to be deleted", func(ctx context.Context) (err error) {
		teamIDs, err = a.teams.TeamIDs(ctx, tenant, userID)
		return err
	})
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		version, err := tx.DeleteUser(ctx, tenant, userID)
		if deleted = version > 0; err != nil || !deleted {
			return err
		}
		if err := tx.ForgetGuesses(ctx, tenant, userID); err != nil {
			return err
		}
		return tx.Emit(ctx, UserDeleted{Tenant: tenant, UserID: userID, Version: version + 1, TeamIDs: teamIDs})
	})
	if err != nil || !deleted {
		return false, err
	}
	var calls sync.WaitGroup
	calls.Go(func() {
		a.tell(ctx, "revoke the sessions of a deleted user", func(ctx context.Context) error {
			return a.sessions.RevokeSessions(ctx, tenant, userID, "", ReasonUserDeleted)
		})
	})
	calls.Go(func() {
		a.tell(ctx, "remove a deleted user from their teams", func(ctx context.Context) error {
			return a.teams.RemoveUser(ctx, tenant, userID)
		})
	})
	calls.Wait()
	return true, nil
}
