package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/notifications/internal/domain"
)

// PreferenceStore reads what users chose.
type PreferenceStore interface {
	// Preference is what the user chose for a category; nil for nothing.
	Preference(ctx context.Context, tenant ids.Tenant, userID, categoryID string) (enabled *bool, err error)
	// Preferences is what the user chose, by the id of the category.
	Preferences(ctx context.Context, tenant ids.Tenant, userID string) (map[string]bool, error)
	// ForgetRemains deletes unsubscribe links that expired longer than links
	// ago, and what is remembered of users removed longer than users ago.
	ForgetRemains(ctx context.Context, links, users time.Duration) error
}

// PreferenceTx writes what users chose.
type PreferenceTx interface {
	// LockUser waits for other writes about the user and for their removal.
	LockUser(ctx context.Context, tenant ids.Tenant, userID string) error
	// SavePreference records a choice; saved is false for a user who was
	// removed. Call LockUser before.
	SavePreference(ctx context.Context, tenant ids.Tenant, userID, categoryID string, enabled bool) (saved bool, err error)
	// CreateUnsubscribeLink records a link by its code. It does nothing for a
	// user who was removed. Call LockUser before.
	CreateUnsubscribeLink(ctx context.Context, tenant ids.Tenant, link domain.UnsubscribeLink) error
	// SpendUnsubscribeLink marks a link as used. It fails with
	// VERIFICATION_CODE_NOT_FOUND and VERIFICATION_CODE_EXPIRED; for a link that
	// was used before, spent is false.
	SpendUnsubscribeLink(ctx context.Context, code string) (subscription Subscription, spent bool, err error)
}

// Subscription is one user's interest in one category.
type Subscription struct {
	ids.Tenant

	UserID, CategoryID string
}
