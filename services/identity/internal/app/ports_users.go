package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
)

// UserImportTx writes what users may bring with them from elsewhere.
type UserImportTx interface {
	// LinkOAuthAccount links an account that signs the user in and serves as
	// connected account. It fails with
	// OAUTH_PROVIDER_ACCOUNT_ID_ALREADY_USED_FOR_SIGN_IN or, when the user has
	// an account of that provider, with a text.
	LinkOAuthAccount(ctx context.Context, tenant ids.Tenant, userID string, account domain.OAuthAccount) error
	// SetTOTPSecret stores the sealed secret of the second factor; whether
	// sign-in asks for it is a field of the user.
	SetTOTPSecret(ctx context.Context, tenant ids.Tenant, userID string, sealed []byte) error
}
