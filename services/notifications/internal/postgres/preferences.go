package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/postgres/db"
)

// Preference implements app.PreferenceStore.
func (s *Store) Preference(ctx context.Context, tenant ids.Tenant, userID, categoryID string) (*bool, error) {
	enabled, err := s.queries(ctx).Preference(ctx, db.PreferenceParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, CategoryID: categoryID,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &enabled, nil
}

// Preferences implements app.PreferenceStore.
func (s *Store) Preferences(ctx context.Context, tenant ids.Tenant, userID string) (map[string]bool, error) {
	rows, err := s.queries(ctx).Preferences(ctx, db.PreferencesParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID})
	chosen := make(map[string]bool, len(rows))
	for _, row := range rows {
		chosen[row.CategoryID] = row.Enabled
	}
	return chosen, err
}

// ForgetRemains implements app.PreferenceStore.
func (s *Store) ForgetRemains(ctx context.Context, links, users time.Duration) error {
	return errors.Join(
		s.queries(ctx).ForgetUnsubscribeLinks(ctx, links.Seconds()),
		s.queries(ctx).ForgetRemovedUsers(ctx, users.Seconds()),
	)
}

func (t *tx) LockUser(ctx context.Context, tenant ids.Tenant, userID string) error {
	return t.queries.LockUser(ctx, db.LockUserParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID})
}

func (t *tx) SavePreference(ctx context.Context, tenant ids.Tenant, userID, categoryID string, enabled bool) (bool, error) {
	rows, err := t.queries.SavePreference(ctx, db.SavePreferenceParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, CategoryID: categoryID, Enabled: enabled,
	})
	return rows > 0, err
}

func (t *tx) CreateUnsubscribeLink(ctx context.Context, tenant ids.Tenant, link domain.UnsubscribeLink) error {
	return t.queries.CreateUnsubscribeLink(ctx, db.CreateUnsubscribeLinkParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: ids.NewUUID(), CodeHash: hashOfCode(link.Code),
		UserID: link.UserID, CategoryID: link.CategoryID, TtlSeconds: domain.UnsubscribeTTL.Seconds(),
	})
}

func (t *tx) SpendUnsubscribeLink(ctx context.Context, code string) (app.Subscription, bool, error) {
	row, err := t.queries.SpendUnsubscribeLink(ctx, hashOfCode(code))
	if err == nil {
		return app.Subscription{
			Tenant: ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID}, UserID: row.UserID, CategoryID: row.CategoryID,
		}, true, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return app.Subscription{}, false, err
	}
	state, err := t.queries.UnsubscribeLinkState(ctx, hashOfCode(code))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return app.Subscription{}, false, apierr.VerificationCodeNotFound()
	case err != nil:
		return app.Subscription{}, false, err
	case state.Expired:
		return app.Subscription{}, false, apierr.VerificationCodeExpired()
	}
	return app.Subscription{}, false, nil
}

func hashOfCode(code string) []byte {
	sum := sha256.Sum256([]byte(code))
	return sum[:]
}
