package app

import (
	"context"
	"strings"

	"vestibule.dev/services/notifications/internal/domain"
)

// NotificationPreference is one category as a user has it.
type NotificationPreference struct {
	domain.Category

	Enabled bool
}

// ListNotificationPreferences lists all categories with what the user chose
// (notifications.md §1.1). It fails with USER_NOT_FOUND.
func (a *App) ListNotificationPreferences(ctx context.Context, userID string) ([]NotificationPreference, error) {
	req, err := readRequest(ctx)
	if err != nil {
		return nil, err
	}
	userID = strings.ToLower(userID)
	if err := req.authorizeOwn(userID); err != nil {
		return nil, err
	}
	if err := a.requireUser(ctx, req, userID); err != nil {
		return nil, err
	}
	chosen, err := a.Store.Preferences(ctx, req.tenant, userID)
	if err != nil {
		return nil, err
	}
	preferences := make([]NotificationPreference, 0, len(domain.Categories))
	for _, category := range domain.Categories {
		enabled, explicit := chosen[category.ID]
		preferences = append(preferences, NotificationPreference{Category: category, Enabled: enabled || !explicit})
	}
	return preferences, nil
}
