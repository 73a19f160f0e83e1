package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/postgres/db"
)

const (
	// oauthLifetime is how long somebody may take at a provider (auth.md §9.2).
	oauthLifetime = 10 * time.Minute
	// oauthBatch bounds one deletion of sign-ins that nobody came back from.
	oauthBatch = 1000
)

// OAuthAuthorization implements app.OAuthStore.
func (s *Store) OAuthAuthorization(ctx context.Context, state string) (*app.PendingOAuth, error) {
	ctx = tenancy.ForAllProjects(ctx) // the state says which project's it is
	row, err := s.queries(ctx).OAuthAuthorization(ctx, db.OAuthAuthorizationParams{
		StateHash: secret.HashToken(state), LifetimeSeconds: oauthLifetime.Seconds(),
	})
	return found(row, err, func(row db.OAuthAuthorizationRow) (*app.PendingOAuth, error) {
		return &app.PendingOAuth{
			Tenant:     ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID},
			Request:    row.Request,
			HasExpired: row.HasExpired,
		}, nil
	})
}

// ForgetOAuthAuthorizations implements app.OAuthStore.
func (s *Store) ForgetOAuthAuthorizations(ctx context.Context) error {
	for {
		deleted, err := s.queries(ctx).ForgetOAuthAuthorizations(ctx, oauthBatch)
		if err != nil || deleted < oauthBatch {
			return err
		}
	}
}

// OAuthSignInOwner implements app.OAuthStore.
func (s *Store) OAuthSignInOwner(ctx context.Context, tenant ids.Tenant, providerConfigID, accountID string) (*app.OAuthOwner, error) {
	row, err := s.queries(ctx).OAuthSignInOwner(ctx, db.OAuthSignInOwnerParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ProviderConfigID: providerConfigID, ProviderAccountID: accountID,
	})
	return found(row, err, func(row db.OAuthSignInOwnerRow) (*app.OAuthOwner, error) {
		user, err := toUser(row.UserDetail)
		if err != nil {
			return nil, err
		}
		return &app.OAuthOwner{User: user, ConnectionID: row.AccountID}, nil
	})
}

// OAuthConnections implements app.OAuthStore.
func (s *Store) OAuthConnections(ctx context.Context, tenant ids.Tenant, userID string) ([]domain.OAuthConnection, error) {
	rows, err := s.queries(ctx).OAuthAccounts(ctx, db.OAuthAccountsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: domain.NilIfEmpty(&userID),
	})
	if err != nil {
		return nil, err
	}
	connections := make([]domain.OAuthConnection, 0, len(rows))
	for _, row := range rows {
		connections = append(connections, *toConnection(row))
	}
	return connections, nil
}

// OAuthConnection implements app.OAuthStore.
func (s *Store) OAuthConnection(ctx context.Context, tenant ids.Tenant, userID, connectionID string) (*domain.OAuthConnection, error) {
	row, err := s.queries(ctx).OAuthAccount(ctx, db.OAuthAccountParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, ID: connectionID,
	})
	return connectionFound(row, err)
}

// ProviderTokens implements app.OAuthStore.
func (s *Store) ProviderTokens(ctx context.Context, tenant ids.Tenant, userID string, connectionIDs []string, goodFor time.Duration) ([]app.ProviderToken, error) {
	rows, err := s.queries(ctx).OAuthTokens(ctx, db.OAuthTokensParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
		AccountIds: connectionIDs, NeededSeconds: goodFor.Seconds(),
	})
	if err != nil {
		return nil, err
	}
	tokens := make([]app.ProviderToken, 0, len(rows))
	for _, row := range rows {
		tokens = append(tokens, app.ProviderToken{
			ID: row.ID, ConnectionID: row.OauthAccountID, Kind: app.ProviderTokenKind(row.Kind), Sealed: row.Token, Scopes: row.Scopes,
		})
	}
	return tokens, nil
}

func (t *tx) CreateOAuthAuthorization(ctx context.Context, tenant ids.Tenant, state string, request []byte) error {
	err := t.queries.CreateOAuthAuthorization(ctx, db.CreateOAuthAuthorizationParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, StateHash: secret.HashToken(state), Request: request,
	})
	if pg.ConstraintName(err) == "oauth_authorizations_project_id_fk" {
		return apierr.CurrentProjectNotFound(tenant.ProjectID).WithCause(err)
	}
	return err
}

func (t *tx) ConsumeOAuthAuthorization(ctx context.Context, tenant ids.Tenant, state string) (consumed bool, err error) {
	rows, err := t.queries.ConsumeOAuthAuthorization(ctx, db.ConsumeOAuthAuthorizationParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, StateHash: secret.HashToken(state),
	})
	return rows == 1, err
}

func (t *tx) CreateOAuthConnection(ctx context.Context, connection *domain.OAuthConnection) error {
	return connectionError(t.queries.CreateOAuthAccount(ctx, db.CreateOAuthAccountParams{
		ProjectID:              connection.ProjectID,
		BranchID:               connection.BranchID,
		UserID:                 connection.UserID,
		ID:                     connection.ID,
		ProviderConfigID:       connection.ProviderConfigID,
		ProviderAccountID:      connection.AccountID,
		Email:                  connection.Email,
		AllowSignIn:            connection.AllowSignIn,
		AllowConnectedAccounts: connection.AllowConnectedAccounts,
	}))
}

func (t *tx) LockOAuthConnection(ctx context.Context, tenant ids.Tenant, userID, connectionID string) (*domain.OAuthConnection, error) {
	row, err := t.queries.LockOAuthAccount(ctx, db.LockOAuthAccountParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, ID: connectionID,
	})
	return connectionFound(row, err)
}

func (t *tx) UpdateOAuthConnection(ctx context.Context, connection *domain.OAuthConnection) error {
	return connectionError(t.queries.UpdateOAuthAccount(ctx, db.UpdateOAuthAccountParams{
		ProjectID:              connection.ProjectID,
		BranchID:               connection.BranchID,
		UserID:                 connection.UserID,
		ID:                     connection.ID,
		ProviderAccountID:      connection.AccountID,
		Email:                  connection.Email,
		AllowSignIn:            connection.AllowSignIn,
		AllowConnectedAccounts: connection.AllowConnectedAccounts,
	}))
}

func (t *tx) DeleteOAuthConnection(ctx context.Context, tenant ids.Tenant, userID, connectionID string) (deleted bool, err error) {
	rows, err := t.queries.DeleteOAuthAccount(ctx, db.DeleteOAuthAccountParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, ID: connectionID,
	})
	return rows == 1, err
}

func (t *tx) TouchUser(ctx context.Context, tenant ids.Tenant, userID string) error {
	return t.queries.TouchUser(ctx, db.TouchUserParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: userID})
}

func (t *tx) SaveProviderToken(ctx context.Context, connection *domain.OAuthConnection, token app.NewProviderToken) error {
	params := db.SaveOAuthTokenParams{
		ProjectID:      connection.ProjectID,
		BranchID:       connection.BranchID,
		UserID:         connection.UserID,
		OauthAccountID: connection.ID,
		ID:             token.ID,
		Kind:           string(token.Kind),
		Token:          token.Sealed,
		Scopes:         token.Scopes,
	}
	if params.Scopes == nil {
		params.Scopes = []string{}
	}
	if token.Lifetime != nil {
		params.LifetimeSeconds = new(token.Lifetime.Seconds())
	}
	err := t.queries.SaveOAuthToken(ctx, params)
	if pg.ConstraintName(err) == "oauth_tokens_oauth_account_id_fk" {
		return errors.Join(app.ErrUnlinked, err)
	}
	return err
}

func (t *tx) DeleteProviderToken(ctx context.Context, tenant ids.Tenant, userID string, token *app.ProviderToken) error {
	return t.queries.DeleteOAuthToken(ctx, db.DeleteOAuthTokenParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, OauthAccountID: token.ConnectionID, ID: token.ID,
	})
}

// connectionError says what a conflict of linked accounts means.
func connectionError(err error) error {
	switch pg.ConstraintName(err) {
	case "oauth_accounts_sign_in_key":
		return apierr.OAuthProviderAccountIDAlreadyUsedForSignIn().WithCause(err)
	case "oauth_accounts_user_sign_in_key":
		return errors.Join(app.ErrSecondSignIn, err)
	case "oauth_accounts_provider_account_id_key":
		return errors.Join(app.ErrLinkedAlready, err)
	case "oauth_accounts_user_id_fk":
		return apierr.UserNotFound().WithCause(err)
	}
	return err
}

func connectionFound(row db.OauthAccount, err error) (*domain.OAuthConnection, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return toConnection(row), nil
}

func toConnection(row db.OauthAccount) *domain.OAuthConnection {
	return &domain.OAuthConnection{
		Tenant: ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID},
		OAuthAccount: domain.OAuthAccount{
			ProviderConfigID: row.ProviderConfigID, AccountID: row.ProviderAccountID, Email: row.Email,
		},
		UserID:                 row.UserID,
		ID:                     row.ID,
		AllowSignIn:            row.AllowSignIn,
		AllowConnectedAccounts: row.AllowConnectedAccounts,
	}
}
