package app

import (
	"context"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
)

// An access token outlives its user: after the deletion nobody is signed in by
// it, and "me" stands for nobody (protocol §5, step 12). Whatever is given to a
// user who is there needs no look at that; refusals and empty answers do.

// orSignedOut returns a refusal of a client or, when its user was deleted, that
// nobody is signed in.
func (a *App) orSignedOut(ctx context.Context, caller principal.Principal, refusal error) error {
	if caller.Access != principal.AccessClient {
		return refusal
	}
	deleted, err := a.signedInDeleted(ctx, caller)
	switch {
	case err != nil:
		return err
	case deleted:
		return apierr.UserAuthenticationRequired()
	}
	return refusal
}

// checkOwn fails with CANNOT_GET_OWN_USER_WITHOUT_USER when something about the
// user came to nothing because they are the one who was signed in.
func (a *App) checkOwn(ctx context.Context, caller principal.Principal, userID string) error {
	if !strings.EqualFold(userID, caller.UserID) {
		return nil
	}
	deleted, err := a.signedInDeleted(ctx, caller)
	if err == nil && deleted {
		err = apierr.CannotGetOwnUserWithoutUser()
	}
	return err
}

// signedInDeleted reports whether the user of the caller's token was deleted.
func (a *App) signedInDeleted(ctx context.Context, caller principal.Principal) (bool, error) {
	if !caller.SignedIn() {
		return false, nil
	}
	return a.Store.UserDeleted(ctx, tenantOf(caller), caller.UserID)
}
