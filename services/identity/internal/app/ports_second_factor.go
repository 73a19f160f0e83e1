package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
)

// SecondFactorStore reads what users prove themselves with after their first
// factor.
type SecondFactorStore interface {
	SecondFactor(ctx context.Context, tenant ids.Tenant, userID string) (*SecondFactor, error)
}

// SecondFactorTx uses second factors up.
type SecondFactorTx interface {
	// UseTOTPStep notes that the user signed in with the code of the time step
	// and reports false when they did so before. Of several at the same moment,
	// one is the first. It fails with USER_NOT_FOUND.
	UseTOTPStep(ctx context.Context, tenant ids.Tenant, userID string, step int64) (first bool, err error)
}

// SecondFactor is a user with their second factor.
type SecondFactor struct {
	User       *domain.User
	Credential *Credential
	// TOTPSecret is sealed; nil for a user who has no second factor.
	TOTPSecret []byte
}
