package postgres

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/postgres/db"
)

func (t *tx) LinkOAuthAccount(ctx context.Context, tenant ids.Tenant, userID string, account domain.OAuthAccount) error {
	err := t.queries.CreateOAuthAccount(ctx, db.CreateOAuthAccountParams{
		ProjectID:              tenant.ProjectID,
		BranchID:               tenant.BranchID,
		UserID:                 userID,
		ID:                     ids.NewUUID(),
		ProviderConfigID:       account.ProviderConfigID,
		ProviderAccountID:      account.AccountID,
		Email:                  account.Email,
		AllowSignIn:            true,
		AllowConnectedAccounts: true,
	})
	switch pg.ConstraintName(err) {
	case "oauth_accounts_sign_in_key":
		return apierr.OAuthProviderAccountIDAlreadyUsedForSignIn().WithCause(err)
	case "oauth_accounts_user_sign_in_key", "oauth_accounts_provider_account_id_key":
		return apierr.Text(http.StatusBadRequest, "A user can sign in with one account of each OAuth provider.").WithCause(err)
	}
	return err
}

func (t *tx) SetTOTPSecret(ctx context.Context, tenant ids.Tenant, userID string, sealed []byte) error {
	return t.queries.SetTOTPSecret(ctx, db.SetTOTPSecretParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: userID, TotpSecret: sealed,
	})
}
