package app

import (
	"context"
	"net/http"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/notifications/internal/domain"
)

// UpdateNotificationPreference records what the user wants of a category
// (notifications.md §1.2). A category that cannot be disabled keeps the choice
// too; sending ignores it. It fails with USER_NOT_FOUND.
func (a *App) UpdateNotificationPreference(ctx context.Context, userID, categoryID string, enabled bool) (*NotificationPreference, error) {
	req, err := readRequest(ctx)
	if err != nil {
		return nil, err
	}
	userID = strings.ToLower(userID)
	category, ok := domain.CategoryByID(strings.ToLower(categoryID))
	if !ok {
		return nil, apierr.Text(http.StatusNotFound, "There is no such notification category.")
	}
	if err := req.authorizeOwn(userID); err != nil {
		return nil, err
	}
	if err := a.requireUser(ctx, req, userID); err != nil {
		return nil, err
	}
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		saved, err := savePreference(ctx, tx, Subscription{Tenant: req.tenant, UserID: userID, CategoryID: category.ID}, enabled)
		if err == nil && !saved {
			err = apierr.UserNotFound()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &NotificationPreference{Category: category, Enabled: enabled}, nil
}

// savePreference records a choice and its event; saved is false for a user who
// was removed.
func savePreference(ctx context.Context, tx Tx, subscription Subscription, enabled bool) (saved bool, err error) {
	if err := tx.LockUser(ctx, subscription.Tenant, subscription.UserID); err != nil {
		return false, err
	}
	saved, err = tx.SavePreference(ctx, subscription.Tenant, subscription.UserID, subscription.CategoryID, enabled)
	if err != nil || !saved {
		return false, err
	}
	return true, tx.Emit(ctx, NotificationPreferenceUpdated{Subscription: subscription, Enabled: enabled})
}
