package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/notifications/internal/domain"
)

// boostDuration is how long a boost lasts.
const boostDuration = 4 * time.Hour

// DeliveryInfo is what became of a tenant's mails, and how fast it may send.
type DeliveryInfo struct {
	Stats         domain.DeliveryStats
	RatePerSecond float64
	Boost         CapacityBoost
}

// GetEmailDeliveryInfo tells what became of the project's mails
// (notifications.md §6.5).
func (a *App) GetEmailDeliveryInfo(ctx context.Context) (*DeliveryInfo, error) {
	req, err := readRequest(ctx)
	if err != nil {
		return nil, err
	}
	stats, err := a.Store.DeliveryStats(ctx, req.tenant)
	if err != nil {
		return nil, err
	}
	boost, err := a.Store.CapacityBoost(ctx, req.tenant)
	if err != nil {
		return nil, err
	}
	return &DeliveryInfo{Stats: stats, RatePerSecond: stats.RatePerSecond(a.cfg.CapacityPerHour, boost.Active), Boost: boost}, nil
}

// BoostEmailCapacity makes the project send four times as fast for four hours
// (notifications.md §6.6). It fails with EMAIL_CAPACITY_BOOST_ALREADY_ACTIVE.
func (a *App) BoostEmailCapacity(ctx context.Context) (expiresAt time.Time, err error) {
	req, err := readRequest(ctx)
	if err != nil {
		return time.Time{}, err
	}
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		var begun bool
		if expiresAt, begun, err = tx.BoostCapacity(ctx, req.tenant, boostDuration); err != nil {
			return err
		}
		if !begun {
			return apierr.EmailCapacityBoostAlreadyActive(expiresAt)
		}
		return nil
	})
	return expiresAt, err
}
