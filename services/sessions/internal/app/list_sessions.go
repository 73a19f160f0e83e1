package app

import (
	"context"
	"net/http"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/sessions/internal/domain"
)

// ListSessions lists a user's sessions, newest first, expired ones included.
// Impersonations are shown to admins alone; a client sees its own user's only.
func (a *App) ListSessions(ctx context.Context, caller principal.Principal, userID string) ([]domain.Session, error) {
	if caller.Access == principal.AccessClient {
		if !caller.SignedIn() {
			return nil, apierr.CannotGetOwnUserWithoutUser()
		}
		if !strings.EqualFold(caller.UserID, userID) {
			if err := a.checkOwn(ctx, caller, caller.UserID); err != nil {
				return nil, err
			}
			return nil, apierr.Text(http.StatusForbidden, "Clients can list the sessions of their own user only.")
		}
	}
	sessions, err := a.Store.SessionsOfUser(ctx, tenantOf(caller), userID, caller.Access == principal.AccessAdmin)
	if err == nil && len(sessions) == 0 {
		err = a.checkOwn(ctx, caller, userID)
	}
	return sessions, err
}

func tenantOf(caller principal.Principal) ids.Tenant {
	return ids.Tenant{ProjectID: caller.ProjectID, BranchID: caller.BranchID}
}
