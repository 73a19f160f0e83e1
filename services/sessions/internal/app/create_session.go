package app

import (
	"context"
	"fmt"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/domain"
)

// SessionRequest asks for a session.
type SessionRequest struct {
	Tenant  ids.Tenant
	Subject domain.Subject
	// Lifetime is domain.DefaultLifetime when zero.
	Lifetime        time.Duration
	IsImpersonation bool
}

// OpenedSession is a new session and what its device is given.
type OpenedSession struct{ SessionID, RefreshToken, AccessToken string }

// CreateSession opens a session. The caller has checked every factor. It fails
// with USER_NOT_FOUND when the user was deleted meanwhile.
func (a *App) CreateSession(ctx context.Context, request SessionRequest) (OpenedSession, error) {
	return a.createSession(ctx, request, func(context.Context, Tx, string) error { return nil })
}

// createSession opens a session in one transaction with what it is given for,
// which learns its id and may refuse.
func (a *App) createSession(ctx context.Context, request SessionRequest, inExchange func(ctx context.Context, tx Tx, sessionID string) error) (OpenedSession, error) {
	lifetime := request.Lifetime
	if lifetime == 0 {
		lifetime = domain.DefaultLifetime
	}
	if lifetime < 0 {
		return OpenedSession{}, fmt.Errorf("create session: lifetime of %v", lifetime)
	}
	opened := OpenedSession{SessionID: ids.NewUUID(), RefreshToken: ids.Secret()}
	var err error
	// Signed first, so that a session is only stored when it can be handed out.
	if opened.AccessToken, err = a.mint(ctx, request.Tenant, opened.SessionID, request.Subject); err != nil {
		return OpenedSession{}, err
	}
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := inExchange(ctx, tx, opened.SessionID); err != nil {
			return err
		}
		created, err := tx.CreateSession(ctx, NewSession{
			Tenant:          request.Tenant,
			ID:              opened.SessionID,
			UserID:          request.Subject.UserID,
			RefreshToken:    opened.RefreshToken,
			Lifetime:        lifetime,
			IPInfo:          clientIPInfo(ctx),
			IsImpersonation: request.IsImpersonation,
		})
		if err != nil {
			return err
		}
		if !created {
			return apierr.UserNotFound()
		}
		return tx.Emit(ctx, SessionCreated{
			Tenant:          request.Tenant,
			SessionID:       opened.SessionID,
			UserID:          request.Subject.UserID,
			IsImpersonation: request.IsImpersonation,
		})
	})
	if err != nil {
		return OpenedSession{}, err
	}
	return opened, nil
}
