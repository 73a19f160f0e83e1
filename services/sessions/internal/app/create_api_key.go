package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/sessions/internal/domain"
)

// NewAPIKey is a key to be made.
type NewAPIKey struct {
	Owner       domain.APIKeyOwner
	Description string
	// ExpiresAt is nil for a key that never expires. It may lie in the past.
	ExpiresAt *time.Time
	IsPublic  bool
}

// CreateAPIKey makes a key for a user or a team (teams.md §10.3). Its text is in
// the answer and nowhere else. It fails with USER_NOT_FOUND or TEAM_NOT_FOUND
// for an owner who does not exist.
func (a *App) CreateAPIKey(ctx context.Context, caller principal.Principal, wanted NewAPIKey) (key *domain.APIKey, text string, err error) {
	tenant, owner := tenantOf(caller), wanted.Owner
	if err := a.requireAPIKeys(ctx, caller, owner.Type); err != nil {
		return nil, "", err
	}
	if err := a.authorizeAPIKeys(ctx, caller, owner); err != nil {
		return nil, "", err
	}
	if err := a.requireAPIKeyOwner(ctx, caller, owner); err != nil {
		return nil, "", err
	}
	made := ids.NewAPIKey(owner.Type, wanted.IsPublic)
	text = made.Text()
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		key, err = tx.CreateAPIKey(ctx, domain.APIKey{
			Tenant:      tenant,
			ID:          made.ID,
			Owner:       owner,
			Description: wanted.Description,
			IsPublic:    wanted.IsPublic,
			LastFour:    domain.LastFour(text),
			ExpiresAt:   wanted.ExpiresAt,
		}, text)
		if err != nil {
			return err
		}
		if key == nil {
			return ownerNotFound(caller, owner)
		}
		return tx.Emit(ctx, APIKeyCreated{Key: *key})
	})
	if err != nil {
		return nil, "", err
	}
	return key, text, nil
}

// requireAPIKeyOwner refuses owners who do not exist. A client that passed the
// authorization is one, or belongs to it.
func (a *App) requireAPIKeyOwner(ctx context.Context, caller principal.Principal, owner domain.APIKeyOwner) error {
	if caller.Access == principal.AccessClient {
		return nil
	}
	exists := a.Users.UserExists
	if owner.Type == ids.TeamKey {
		exists = a.Teams.TeamExists
	}
	found, err := exists(ctx, tenantOf(caller), owner.ID)
	if err == nil && !found {
		err = ownerNotFound(caller, owner)
	}
	return err
}

// ownerNotFound says that an owner does not exist, or not any more. Whoever was
// deleted is signed in no more.
func ownerNotFound(caller principal.Principal, owner domain.APIKeyOwner) error {
	switch {
	case owner.Type == ids.UserKey && caller.SignedIn() && owner.ID == caller.UserID:
		return apierr.CannotGetOwnUserWithoutUser()
	case owner.Type == ids.UserKey:
		return apierr.UserNotFound()
	case caller.Access == principal.AccessClient:
		return apierr.APIKeyNotFound()
	}
	return apierr.TeamNotFound(owner.ID)
}
