package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/passkey"
)

// Kinds of codes that stand for the challenge of a ceremony.
const (
	// CodePasskeyRegistration registers a passkey of one user.
	CodePasskeyRegistration CodeKind = "passkey_registration"
	// CodePasskeyAuthentication signs in whoever has a passkey.
	CodePasskeyAuthentication CodeKind = "passkey_authentication"
)

// PasskeyStore reads passkeys.
type PasskeyStore interface {
	// PasskeyOwner reads whose passkey has that id, in base64url.
	PasskeyOwner(ctx context.Context, tenant ids.Tenant, credentialID string) (*PasskeyOwner, error)
}

// PasskeyTx writes passkeys.
type PasskeyTx interface {
	// PutPasskey gives the user a passkey in the place of the one they had, if
	// any, and reports false when somebody else has it. It fails with
	// USER_NOT_FOUND.
	PutPasskey(ctx context.Context, tenant ids.Tenant, userID string, credential *passkey.Credential) (put bool, err error)
	// UsePasskey counts a use of the passkey. It reports false when it is gone,
	// or when its counter did not grow: then there are two of it.
	UsePasskey(ctx context.Context, tenant ids.Tenant, userID, credentialID string, signCount uint32) (used bool, err error)
}

// PasskeyOwner is the user who signs in with a passkey.
type PasskeyOwner struct {
	User       *domain.User
	Credential *Credential
	// PublicKey is a COSE key.
	PublicKey []byte
}
