package app

import (
	"context"
	"errors"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/notifications/internal/domain"
)

// firstStep is the time the first step ever hands out capacity for.
const firstStep = 20 * time.Second

// Room says how many mails of a tenant may be claimed, after so many of all
// tenants were claimed in the same step.
type Room func(tenant ids.Tenant, claimed int) int

// ClaimEmails queues what is due and claims what may be sent now: for each
// tenant at most its quota for the time since the last step, urgent mails
// beyond it within the burst, and never more than room allows.
//
// What it claims must be passed to SendEmail; mails of a worker that dies
// before that are given to another one.
func (a *App) ClaimEmails(ctx context.Context, room Room) ([]Mail, error) {
	elapsed, err := a.Store.AdvanceStep(ctx, firstStep)
	if err != nil {
		return nil, err
	}
	if err := a.Store.QueueEmails(ctx); err != nil {
		return nil, err
	}
	tenants, err := a.Store.QueuedTenants(ctx)
	if err != nil {
		return nil, err
	}
	var mails []Mail
	var errs error
	for _, tenant := range tenants {
		claimed, err := a.claim(ctx, tenant, elapsed, room(tenant, len(mails)))
		mails, errs = append(mails, claimed...), errors.Join(errs, err)
	}
	return mails, errs
}

func (a *App) claim(ctx context.Context, tenant ids.Tenant, elapsed time.Duration, room int) (mails []Mail, err error) {
	if room <= 0 {
		return nil, nil
	}
	chance := a.Random()
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		mails = nil
		if err := tx.LockTenant(ctx, tenant); err != nil {
			return err
		}
		used, err := tx.BurstUsed(ctx, tenant)
		if err != nil {
			return err
		}
		if burst := min(a.cfg.BurstPerMinute-used, room); burst > 0 {
			if mails, err = tx.ClaimForSending(ctx, tenant, domain.BurstPriority, burst); err != nil {
				return err
			}
		}
		if room -= len(mails); room <= 0 {
			return nil
		}
		stats, err := a.Store.DeliveryStats(ctx, tenant)
		if err != nil {
			return err
		}
		boost, err := a.Store.CapacityBoost(ctx, tenant)
		if err != nil {
			return err
		}
		quota := domain.StochasticFloor(stats.RatePerSecond(a.cfg.CapacityPerHour, boost.Active)*elapsed.Seconds(), chance)
		if quota = min(quota, room); quota <= 0 {
			return nil
		}
		more, err := tx.ClaimForSending(ctx, tenant, 0, quota)
		mails = append(mails, more...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return mails, nil
}
