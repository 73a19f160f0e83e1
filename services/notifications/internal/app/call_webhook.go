package app

import (
	"context"
	"errors"
	"time"

	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// CallWebhook makes one attempt at a delivery and records how it went.
func (a *App) CallWebhook(ctx context.Context, call WebhookCall) error {
	outcome := webhook.Outcome{Problem: "The delivery could not be read."}
	if call.Unreadable == nil {
		outcome = a.Receivers.Post(ctx, call)
	}
	if ctx.Err() != nil {
		return a.releaseWebhook(ctx, call.WebhookClaim) // cut off, which says nothing about the endpoint
	}
	// What is not recorded is delivered again. Nothing is to be recorded when
	// another worker has the delivery now.
	recorded, disabled := false, false
	err := a.record(ctx, func(ctx context.Context) error {
		err := a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
			disabled, err = record(ctx, tx, call, outcome)
			return err
		})
		recorded = err == nil
		return err
	})
	if recorded {
		a.countAttempt(ctx, outcome)
		if _, again := webhook.Wait(call.Attempts + 1); !again && !outcome.Succeeded() {
			a.WebhookLosses.Add(ctx, LossDelivery)
		}
	}
	if disabled {
		a.WebhookLosses.Add(ctx, LossEndpoint)
		a.Logger.WarnContext(ctx, "a webhook endpoint failed for days and is disabled", "project", call.ProjectID, "endpoint", call.EndpointID)
	}
	return errors.Join(call.Unreadable, err)
}

// releaseWebhook gives a delivery to whoever is next, after ctx has ended.
func (a *App) releaseWebhook(ctx context.Context, claim WebhookClaim) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error { return tx.PostponeWebhookLane(ctx, claim, 0) })
}

func record(ctx context.Context, tx Tx, call WebhookCall, outcome webhook.Outcome) (disabled bool, err error) {
	if err := tx.LockWebhookLane(ctx, call.WebhookClaim); err != nil {
		return false, err
	}
	if outcome.Succeeded() {
		if err := tx.SaveWebhookAttempt(ctx, call, outcome, webhook.Delivered); err != nil {
			return false, err
		}
		if call.Failing {
			if err := tx.WebhookSucceeded(ctx, call.WebhookClaim); err != nil {
				return false, err
			}
		}
		return false, tx.AdvanceWebhookLane(ctx, call.WebhookClaim)
	}
	wait, again := webhook.Wait(call.Attempts + 1)
	if !again {
		err = errors.Join(
			tx.SaveWebhookAttempt(ctx, call, outcome, webhook.Failed),
			tx.AdvanceWebhookLane(ctx, call.WebhookClaim))
	} else {
		err = errors.Join(
			tx.SaveWebhookAttempt(ctx, call, outcome, webhook.Pending),
			tx.PostponeWebhookLane(ctx, call.WebhookClaim, wait))
	}
	if err != nil {
		return false, err
	}
	return tx.WebhookFailed(ctx, call.WebhookClaim, webhook.DisableAfter)
}
