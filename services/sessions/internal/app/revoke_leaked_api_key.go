package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/sessions/internal/domain"
)

// RevokeLeakedAPIKey revokes a key that somebody found where it should not be
// (teams.md §10.4). The key itself is the authority: it is looked for in all
// projects, whether or not they have API keys switched on. Revoking it is told
// by mail to those who can make another one, once. It fails, in this order, with
// API_KEY_NOT_FOUND, PUBLIC_API_KEY_CANNOT_BE_REVOKED and API_KEY_EXPIRED.
func (a *App) RevokeLeakedAPIKey(ctx context.Context, text string) error {
	key, expired, err := a.Store.FindAPIKeyAnywhere(ctx, text)
	switch {
	case err != nil:
		return err
	case key == nil:
		return apierr.APIKeyNotFound()
	case key.IsPublic:
		return apierr.PublicAPIKeyCannotBeRevoked()
	case expired:
		return apierr.APIKeyExpired()
	case key.RevokedAt != nil:
		return nil
	}
	ctx = tenancy.ForProject(ctx, key.ProjectID) // which the caller did not know
	userIDs, err := a.usersToTell(ctx, key)
	if err != nil {
		return err
	}
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		revoked, now, err := tx.UpdateAPIKey(ctx, key.Tenant, key.Owner.Type, key.ID, APIKeyChange{Revoke: true})
		if err != nil || !now {
			return err // somebody else revoked it meanwhile, or it is gone
		}
		if err := tx.Emit(ctx, APIKeyUpdated{Key: *revoked, Revoked: true}); err != nil {
			return err
		}
		mails := make([]Mail, 0, len(userIDs))
		for _, userID := range userIDs {
			mails = append(mails, Mail{
				ID: ids.NewUUID(), Tenant: key.Tenant, Template: "api_key_revoked", UserID: userID,
				Variables: map[string]string{"description": revoked.Description, "lastFour": revoked.LastFour},
			})
		}
		return tx.EnqueueMails(ctx, mails...)
	})
}

// usersToTell are those who can make another key: its user, or the members of
// its team who may manage keys. Users without an address are left out, and of
// those who share one, all but the first.
func (a *App) usersToTell(ctx context.Context, key *domain.APIKey) (userIDs []string, err error) {
	candidates := []string{key.Owner.ID}
	if key.Owner.Type == ids.TeamKey {
		if candidates, err = a.Teams.MembersWith(ctx, key.Tenant, key.Owner.ID, manageAPIKeys); err != nil {
			return nil, err
		}
	}
	addresses, err := a.Users.PrimaryEmails(ctx, key.Tenant, candidates)
	if err != nil {
		return nil, err
	}
	told := map[string]bool{"": true}
	for _, userID := range candidates {
		if address := addresses[userID]; !told[address] {
			told[address] = true
			userIDs = append(userIDs, userID)
		}
	}
	return userIDs, nil
}
