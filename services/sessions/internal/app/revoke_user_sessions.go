package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/domain"
)

// Revocation names the sessions of a user that are to end.
type Revocation struct {
	Tenant ids.Tenant
	UserID string
	// KeptSessionID is the session that stays, or "".
	KeptSessionID string
	// OpenedBefore spares later sessions unless it is zero. An event that
	// arrives late must not end the session the user opened since.
	OpenedBefore time.Time
	Reason       RevocationReason
}

// RevokeUserSessions ends sessions of a user and reports how many. Both the
// request that asks for it and the event that repeats it come here; ending
// sessions again changes nothing. A deleted user loses their API keys too
// and gets neither any more.
func (a *App) RevokeUserSessions(ctx context.Context, revocation Revocation) (revoked int, err error) {
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if revocation.Reason == UserDeleted {
			if err := tx.RememberDeletedUser(ctx, revocation.Tenant, revocation.UserID); err != nil {
				return err
			}
			if err := deleteAPIKeys(ctx, tx, revocation.Tenant, domain.APIKeyOwner{Type: ids.UserKey, ID: revocation.UserID}); err != nil {
				return err
			}
		}
		// Whoever is on the way back from an OAuth provider has to begin anew.
		if err := tx.DeleteAuthorizationCodesOfUser(ctx, revocation.Tenant, revocation.UserID, revocation.KeptSessionID, revocation.OpenedBefore); err != nil {
			return err
		}
		sessionIDs, err := tx.DeleteSessionsOfUser(ctx, revocation.Tenant, revocation.UserID, revocation.KeptSessionID, revocation.OpenedBefore)
		if err != nil {
			return err
		}
		revoked = len(sessionIDs)
		if revoked == 0 {
			return nil
		}
		return tx.Emit(ctx, SessionsRevoked{
			Tenant:     revocation.Tenant,
			UserID:     revocation.UserID,
			SessionIDs: sessionIDs,
			Reason:     revocation.Reason,
		})
	})
	return revoked, err
}
