package app

import (
	"context"
	"errors"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
)

// Ways to treat an account whose address signs somebody in already (auth.md
// §9.5).
const (
	mergeLink       = "link_method"
	mergeDuplicates = "allow_duplicates"
)

// Errors of stores when an account cannot be linked.
var (
	// ErrSecondSignIn says that the user signs in with another account of the
	// provider.
	ErrSecondSignIn = errors.New("the user signs in with another account of the provider")
	// ErrLinkedAlready says that the account is linked to the user.
	ErrLinkedAlready = errors.New("the account is linked to the user")
	// ErrUnlinked says that the account was unlinked meanwhile.
	ErrUnlinked = errors.New("the account was unlinked meanwhile")
)

// errOvertaken says that somebody else changed what a decision was based on.
var errOvertaken = errors.New("overtaken by another sign-in")

// externalSignIn is somebody who proved to have an account at a provider.
type externalSignIn struct {
	provider *oauthProvider
	account  domain.ExternalAccount
	// tokens are kept with the account.
	tokens []NewProviderToken
	// bot is how whoever is behind it passed the challenge.
	bot botVerdict
	// deferred is the key of what was deferred and is done now; empty when nothing
	// was.
	deferred string
}

// resolvedExternal is whom an account signs in.
type resolvedExternal struct {
	user      *domain.User
	isNewUser bool
	// joins is what the account does to the user once the code is exchanged; nil
	// when all is done.
	joins *deferredOAuth
}

// connection returns the account as one that may be used for everything.
func (e *externalSignIn) connection(tenant ids.Tenant, userID string) *domain.OAuthConnection {
	connection := &domain.OAuthConnection{
		Tenant:       tenant,
		OAuthAccount: domain.OAuthAccount{ProviderConfigID: e.provider.configID, AccountID: e.account.ID},
		UserID:       userID,
		ID:           ids.NewUUID(),
		AllowSignIn:  true, AllowConnectedAccounts: true,
	}
	if e.account.Email != "" {
		connection.Email = &e.account.Email
	}
	return connection
}

// link links the account to a user, with its tokens.
func (e *externalSignIn) link(ctx context.Context, tx Tx, connection *domain.OAuthConnection) error {
	if err := tx.CreateOAuthConnection(ctx, connection); err != nil {
		return err
	}
	return e.saveTokens(ctx, tx, connection)
}

func (e *externalSignIn) saveTokens(ctx context.Context, tx Tx, connection *domain.OAuthConnection) error {
	if e.deferred != "" {
		first, err := tx.ConsumeOAuthAuthorization(ctx, connection.Tenant, e.deferred)
		if err == nil && !first {
			err = errSettled
		}
		if err != nil {
			return err
		}
	}
	for _, token := range e.tokens {
		if err := tx.SaveProviderToken(ctx, connection, token); err != nil {
			return err
		}
	}
	return nil
}

// maxOvertakes bounds how often a decision is made anew.
const maxOvertakes = 3

// resolveExternal finds the user whom an account signs in, or makes one
// (auth.md §9.5). Of several sign-ins at the same moment the database lets one
// create the user; the others find them.
func (a *App) resolveExternal(ctx context.Context, req request, e externalSignIn) (resolved resolvedExternal, err error) {
	for range maxOvertakes {
		resolved, err = a.resolveExternalOnce(ctx, req, e)
		overtaken := errors.Is(err, errOvertaken) || errors.Is(err, ErrUnlinked) ||
			apierr.HasCode(err, apierr.CodeOAuthProviderAccountIDAlreadyUsedForSignIn) ||
			apierr.HasCode(err, apierr.CodeUserEmailAlreadyExists)
		if !overtaken {
			break
		}
	}
	if errors.Is(err, errOvertaken) || errors.Is(err, ErrUnlinked) {
		err = apierr.OAuthProviderTemporarilyUnavailable().WithCause(err)
	}
	return resolved, err
}

func (a *App) resolveExternalOnce(ctx context.Context, req request, e externalSignIn) (resolvedExternal, error) {
	owner, err := a.store.OAuthSignInOwner(ctx, req.tenant, e.provider.configID, e.account.ID)
	if err != nil {
		return resolvedExternal{}, err
	}
	if owner != nil {
		connection := e.connection(req.tenant, owner.User.ID)
		connection.ID = owner.ConnectionID
		err := a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error { return e.saveTokens(ctx, tx, connection) })
		return resolvedExternal{user: owner.User}, err
	}
	email, err := e.freeEmail(ctx, a, req)
	if err != nil {
		return resolvedExternal{}, err
	}
	if email != nil && !email.UsedForAuth && req.config.Auth.OAuth.AccountMergeStrategy != mergeDuplicates {
		user, err := a.mergeExternal(ctx, req, e)
		return resolvedExternal{user: user}, err
	}
	if !req.config.Auth.AllowSignUp {
		return resolvedExternal{}, apierr.SignUpNotEnabled()
	}
	r := e.registration(email, countryOf(ctx))
	if req.Anonymous {
		resolved, err := a.resolveUpgrade(ctx, req, r)
		if !errors.Is(err, errNotAnonymous) {
			return resolved, err
		}
		req.UserID, req.Anonymous = "", false
	}
	newcomer, err := a.becomeUser(ctx, req, r)
	if err != nil {
		return resolvedExternal{}, err
	}
	a.tellProvision(ctx, newcomer.user, newcomer.given)
	return resolvedExternal{user: newcomer.user, isNewUser: true}, nil
}

// registration is the account as a user signs up with it.
func (e *externalSignIn) registration(email *domain.PrimaryEmail, country *string) registration {
	return registration{
		method:          signUpByOAuth,
		email:           email,
		displayName:     e.account.Name(),
		profileImageURL: e.account.Image(),
		countryCode:     country,
		external:        e,
		bot:             e.bot,
	}
}

// freeEmail returns the address that a new user of the account would have, nil
// when the provider tells none. One that signs in somebody else already is not
// used for that; whether such a user may come into being, or the account joins
// the other one, follows from the project's strategy. It fails with
// CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE when neither.
func (e *externalSignIn) freeEmail(ctx context.Context, a *App, req request) (*domain.PrimaryEmail, error) {
	address := domain.NormalizeEmail(e.account.Email)
	if address == "" {
		return nil, nil
	}
	email := &domain.PrimaryEmail{Value: address, IsVerified: e.account.EmailVerified, UsedForAuth: true}
	owner, err := a.store.EmailOwner(ctx, req.tenant, e.account.Email)
	if err != nil || owner == nil {
		return email, err
	}
	email.UsedForAuth = false
	if err := e.mayMerge(req, owner); err != nil {
		return nil, err
	}
	return email, nil
}

// mayMerge checks whether an account may join the user who signs in with its
// address. Both must have proved that the address is theirs: otherwise whoever
// wrote it down first would get what belongs to the other.
func (e *externalSignIn) mayMerge(req request, owner *EmailOwner) error {
	strategy := req.config.Auth.OAuth.AccountMergeStrategy
	if strategy == mergeDuplicates || strategy == mergeLink && e.account.EmailVerified && owner.IsVerified {
		return nil
	}
	wouldWork := strategy == mergeLink && e.account.EmailVerified
	return e.errAddressTaken(wouldWork)
}

func (e *externalSignIn) errAddressTaken(wouldWorkIfVerified bool) error {
	return apierr.ContactChannelAlreadyUsedForAuthBySomeoneElse(
		domain.ContactChannelEmail, domain.NormalizeEmail(e.account.Email), wouldWorkIfVerified)
}

// mergeExternal links the account to the user who signs in with its address.
func (a *App) mergeExternal(ctx context.Context, req request, e externalSignIn) (*domain.User, error) {
	before, err := a.store.EmailOwner(ctx, req.tenant, e.account.Email)
	if err != nil {
		return nil, err
	}
	if before == nil {
		return nil, errOvertaken
	}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		user, err := tx.LockUser(ctx, req.tenant, before.User.ID)
		if err != nil {
			return err
		}
		// Read again: the address may have changed hands before the lock.
		owner, err := a.store.EmailOwner(ctx, req.tenant, e.account.Email)
		switch {
		case err != nil:
			return err
		case user == nil || owner == nil || owner.User.ID != user.ID:
			return errOvertaken
		}
		if err := e.mayMerge(req, owner); err != nil {
			return err
		}
		// The account may have been linked since nobody was found to sign in
		// with it.
		known, err := a.store.OAuthSignInOwner(ctx, req.tenant, e.provider.configID, e.account.ID)
		switch {
		case err != nil:
			return err
		case known != nil:
			return errOvertaken
		}
		if err := tx.TouchUser(ctx, req.tenant, user.ID); err != nil {
			return err
		}
		return e.link(ctx, tx, e.connection(req.tenant, user.ID))
	})
	switch {
	case errors.Is(err, ErrSecondSignIn), errors.Is(err, ErrLinkedAlready):
		// They chose to sign in with another account, or not with this one.
		return nil, e.errAddressTaken(false)
	case err != nil:
		return nil, err
	}
	return before.User, nil
}
