package app

import (
	"context"
	"errors"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
)

// SessionOpening is a session that a backend asks for.
type SessionOpening struct {
	Tenant ids.Tenant
	UserID string
	// Lifetime is domain.DefaultLifetime when nil. A session whose lifetime is
	// over before it begins is one that has expired.
	Lifetime        *time.Duration
	IsImpersonation bool
}

// shortestLifetime is that of a session that has expired when it is answered.
const shortestLifetime = time.Millisecond

// OpenSession opens a session for any user on behalf of the project's backend,
// which vouches for every factor (auth.md §7). It fails with
// USER_ID_DOES_NOT_EXIST.
func (a *App) OpenSession(ctx context.Context, opening SessionOpening) (OpenedSession, error) {
	subject, err := a.Users.TokenSubject(ctx, opening.Tenant, opening.UserID)
	if err != nil {
		return OpenedSession{}, unknownUser(err, opening.UserID)
	}
	request := SessionRequest{Tenant: opening.Tenant, Subject: subject, IsImpersonation: opening.IsImpersonation}
	if opening.Lifetime != nil {
		request.Lifetime = max(*opening.Lifetime, shortestLifetime)
	}
	opened, err := a.CreateSession(ctx, request)
	return opened, unknownUser(err, opening.UserID)
}

// unknownUser says of a user who was named in a body what routes say of one
// named in their path.
func unknownUser(err error, userID string) error {
	if errors.Is(err, apierr.UserNotFound()) {
		return apierr.UserIDDoesNotExist(userID).WithCause(err)
	}
	return err
}
