package app

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
)

var errNoSession = apierr.Text(http.StatusNotFound, "There is no such session.")

// DeleteSession ends a session other than the caller's own. A client can end
// sessions of its own user only; others do not exist for it.
func (a *App) DeleteSession(ctx context.Context, caller principal.Principal, sessionID string) error {
	err := a.deleteOtherSession(ctx, caller, sessionID)
	if errors.Is(err, errNoSession) && caller.Access == principal.AccessClient {
		// A client names its user as "me".
		if err := a.checkOwn(ctx, caller, caller.UserID); err != nil {
			return err
		}
	}
	return err
}

func (a *App) deleteOtherSession(ctx context.Context, caller principal.Principal, sessionID string) error {
	var ownerID string
	if caller.Access == principal.AccessClient {
		if !caller.SignedIn() {
			return errNoSession
		}
		ownerID = caller.UserID
	}
	if strings.EqualFold(sessionID, caller.SessionID) {
		exists, err := a.Store.SessionExists(ctx, tenantOf(caller), sessionID, ownerID)
		if err != nil {
			return err
		}
		if exists {
			return apierr.CannotDeleteCurrentSession()
		}
		return errNoSession
	}
	deleted, err := a.deleteSession(ctx, caller, sessionID, ownerID, Deleted)
	if err == nil && !deleted {
		err = errNoSession
	}
	return err
}

// deleteSession deletes one session of the caller's tenant. An empty ownerID
// means any user's.
func (a *App) deleteSession(ctx context.Context, caller principal.Principal, sessionID, ownerID string, reason RevocationReason) (deleted bool, err error) {
	tenant := tenantOf(caller)
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		var userID string
		userID, deleted, err = tx.DeleteSession(ctx, tenant, sessionID, ownerID)
		if err != nil || !deleted {
			return err
		}
		return tx.Emit(ctx, SessionsRevoked{Tenant: tenant, UserID: userID, SessionIDs: []string{sessionID}, Reason: reason})
	})
	return deleted, err
}
