package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/domain"
)

// ProviderTokenRequest asks for an access token of a provider.
type ProviderTokenRequest struct {
	// UserID is empty for the signed-in user.
	UserID string
	// ProviderID is the provider's key in the configuration.
	ProviderID string
	// AccountID is the account at the provider; nil for any of the user's.
	AccountID *string
	Scopes    []string
}

// usableFor is how long a token must be good for to be handed out.
const usableFor = 5 * time.Minute

// CreateProviderAccessToken returns an access token with which an app acts for
// a user at a provider (users.md §5): one that is kept and that the provider
// still accepts, or else one that a kept refresh token is exchanged for.
func (a *App) CreateProviderAccessToken(ctx context.Context, in ProviderTokenRequest) (secret.Secret, error) {
	req, err := a.request(ctx)
	if err != nil {
		return "", err
	}
	if in.UserID == "" {
		if !req.SignedIn() {
			return "", apierr.CannotGetOwnUserWithoutUser()
		}
		in.UserID = req.UserID
	}
	if err := a.ownUser(ctx, req, in.UserID); err != nil {
		return "", err
	}
	configured, ok := req.config.Auth.OAuth.Providers[in.ProviderID]
	switch {
	case !ok:
		return "", apierr.OAuthProviderNotFoundOrNotEnabled()
	case configured.IsShared:
		return "", apierr.OAuthAccessTokenNotAvailableWithSharedOAuthKeys()
	}
	provider, err := a.oauthProvider(req.config, in.ProviderID)
	if err != nil {
		return "", err
	}
	connections, err := a.store.OAuthConnections(ctx, req.tenant, in.UserID)
	if err != nil {
		return "", err
	}
	search := tokenSearch{app: a, request: req, client: provider.client, userID: in.UserID, scopes: in.Scopes, tried: map[string]bool{}}
	for i, c := range connections {
		if c.ProviderConfigID == provider.configID && (in.AccountID == nil || *in.AccountID == c.AccountID && c.AllowConnectedAccounts) {
			search.connections = append(search.connections, &connections[i])
		}
	}
	if len(search.connections) == 0 {
		return "", apierr.OAuthConnectionNotConnectedToUser()
	}
	return search.run(ctx)
}

// tokenSearch looks for a usable token among those that are kept.
type tokenSearch struct {
	app         *App
	request     request
	client      ProviderClient
	userID      string
	connections []*domain.OAuthConnection
	scopes      []string
	// tried are the tokens that were of no use, by id.
	tried map[string]bool
	// refused are those that the provider does not accept any more.
	refused []*ProviderToken
	// outage is the last failure that says nothing about a token.
	outage error
}

// rotationPause is how long somebody else may take to keep what a rotating
// refresh token was exchanged for.
const rotationPause = 300 * time.Millisecond

// run tries all kept tokens, access tokens first. A refresh token that is
// refused may have been exchanged by another replica at the same moment: its
// new tokens are tried too, once it has had time to keep them. What is refused
// after that is forgotten.
func (s *tokenSearch) run(ctx context.Context) (secret.Secret, error) {
	connectionIDs := make([]string, 0, len(s.connections))
	for _, connection := range s.connections {
		connectionIDs = append(connectionIDs, connection.ID)
	}
	for waited := false; ; {
		kept, err := s.app.store.ProviderTokens(ctx, s.request.tenant, s.userID, connectionIDs, usableFor)
		if err != nil {
			return "", err
		}
		found, fresh, err := s.pass(ctx, kept)
		switch {
		case err != nil || found != "":
			return found, err
		case fresh:
		case len(s.refused) > 0 && !waited:
			waited = true
			if err := s.app.pause(ctx, rotationPause); err != nil {
				return "", err
			}
		case s.outage != nil:
			return "", apierr.OAuthProviderTemporarilyUnavailable().WithCause(s.outage)
		default:
			if err := s.forgetRefused(ctx); err != nil {
				return "", err
			}
			return "", apierr.OAuthConnectionDoesNotHaveRequiredScope()
		}
	}
}

// pass tries what was not tried before and reports whether there was anything.
func (s *tokenSearch) pass(ctx context.Context, kept []ProviderToken) (found secret.Secret, fresh bool, err error) {
	for _, kind := range []ProviderTokenKind{ProviderAccessToken, ProviderRefreshToken} {
		for i := range kept {
			token := &kept[i]
			if token.Kind != kind || s.tried[token.ID] || !domain.Covers(token.Scopes, s.scopes) {
				continue
			}
			s.tried[token.ID], fresh = true, true
			if found, err = s.try(ctx, token); err != nil || found != "" {
				return found, fresh, err
			}
		}
	}
	return "", fresh, nil
}

// try returns a usable access token, or "" when the kept one leads to none.
func (s *tokenSearch) try(ctx context.Context, token *ProviderToken) (secret.Secret, error) {
	plain, err := s.app.sealer.Open(token.Sealed, providerTokenPlace(s.request.tenant, token.ID)...)
	if err != nil {
		return "", err
	}
	if token.Kind == ProviderRefreshToken {
		return s.refresh(ctx, token, secret.Secret(plain))
	}
	accepted, err := s.app.oauth.Accepts(ctx, s.client, secret.Secret(plain))
	switch {
	case err != nil:
		s.outage = err
	case accepted:
		return secret.Secret(plain), nil
	default:
		s.refused = append(s.refused, token)
	}
	return "", nil
}

// refreshed is what the exchange of a refresh token led to.
type refreshed struct {
	accessToken secret.Secret
	refused     bool
}

// refresh exchanges a refresh token. All who want to at the same time share one
// exchange, because a token that rotates works once.
func (s *tokenSearch) refresh(ctx context.Context, token *ProviderToken, plain secret.Secret) (secret.Secret, error) {
	flight, err, _ := s.app.refreshes.Do(token.ID, func() (any, error) {
		// The others wait for it even if this caller gives up.
		ctx := context.WithoutCancel(ctx)
		grant, refused, err := s.app.oauth.Refresh(ctx, s.client, plain)
		if refused {
			return refreshed{refused: true}, nil
		}
		if err != nil {
			return nil, err
		}
		return refreshed{accessToken: grant.AccessToken}, s.keep(ctx, token, *grant)
	})
	if err != nil {
		s.outage = err
		return "", nil
	}
	result := flight.(refreshed)
	if result.refused {
		s.refused = append(s.refused, token)
	}
	return result.accessToken, nil
}

// keep keeps what a refresh token was exchanged for. A new refresh token takes
// the place of the old one.
func (s *tokenSearch) keep(ctx context.Context, from *ProviderToken, grant ProviderGrant) error {
	tokens := s.app.sealGrant(s.request.tenant, from.Scopes, grant)
	return s.app.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		for _, connection := range s.connections {
			if connection.ID != from.ConnectionID {
				continue
			}
			for _, token := range tokens {
				if err := tx.SaveProviderToken(ctx, connection, token); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (s *tokenSearch) forgetRefused(ctx context.Context) error {
	return s.app.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		for _, token := range s.refused {
			if err := tx.DeleteProviderToken(ctx, s.request.tenant, s.userID, token); err != nil {
				return err
			}
		}
		return nil
	})
}
