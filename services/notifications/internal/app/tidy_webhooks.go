package app

import (
	"context"
	"errors"

	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// TidyWebhooks forgets what is old and keeps the lanes of disabled endpoints out
// of the way.
func (a *App) TidyWebhooks(ctx context.Context) error {
	err := a.Store.ParkWebhookLanes(ctx)
	for {
		more, purgeErr := a.Store.PurgeWebhooks(ctx, webhook.Retention)
		if err = errors.Join(err, purgeErr); purgeErr != nil || !more {
			return err
		}
	}
}
