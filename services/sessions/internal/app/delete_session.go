package app

import (
	"context"
	"net/http"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
)

// DeleteSession ends a session other than the caller's own. A client can end
// sessions of its own user only; others do not exist for it.
func (a *App) DeleteSession(ctx context.Context, caller principal.Principal, sessionID string) error {
	notFound := apierr.Text(http.StatusNotFound, "There is no such session.")
	var ownerID string
	if caller.Access == principal.AccessClient {
		if !caller.SignedIn() {
			return notFound
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
		return notFound
	}
	deleted, err := a.deleteSession(ctx, caller, sessionID, ownerID, Deleted)
	if err == nil && !deleted {
		err = notFound
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
