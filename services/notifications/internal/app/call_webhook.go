package app

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// webhookLease is how long a worker may take for a delivery: longer than any
// call and its record.
const webhookLease = time.Minute

// WebhookRoom says how many deliveries to an endpoint may be claimed, after so
// many of its project and so many in all were claimed in the same step.
type WebhookRoom func(endpoint QueuedWebhookEndpoint, ofProject, claimed int) int

// ClaimWebhooks claims deliveries that are due, never more than room allows, and
// of all endpoints alike. What it claims must be passed to CallWebhook; what a
// dead worker held is delivered by another one a minute later.
func (a *App) ClaimWebhooks(ctx context.Context, room WebhookRoom) ([]WebhookCall, error) {
	endpoints, err := a.Store.QueuedWebhookEndpoints(ctx)
	if err != nil {
		return nil, err
	}
	// Whoever is first may take the last free slot: it is not always the same.
	rand.Shuffle(len(endpoints), func(i, j int) { endpoints[i], endpoints[j] = endpoints[j], endpoints[i] })
	var calls []WebhookCall
	var errs error
	ofProject := map[string]int{}
	for _, endpoint := range endpoints {
		limit := room(endpoint, ofProject[endpoint.ProjectID], len(calls))
		if limit <= 0 {
			continue
		}
		claimed, err := a.Store.ClaimWebhooks(ctx, endpoint, limit, webhookLease)
		calls, errs = append(calls, claimed...), errors.Join(errs, err)
		ofProject[endpoint.ProjectID] += len(claimed)
	}
	return calls, errs
}

// CallWebhook makes one attempt at a delivery and records how it went.
func (a *App) CallWebhook(ctx context.Context, call WebhookCall) error {
	outcome := webhook.Outcome{Problem: "The delivery could not be read."}
	if call.Unreadable == nil {
		outcome = a.Receivers.Post(ctx, call)
	}
	if ctx.Err() != nil {
		return a.releaseWebhook(ctx, call.WebhookClaim) // cut off, which says nothing about the endpoint
	}
	disabled := false
	err := a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		disabled, err = record(ctx, tx, call, outcome)
		return err
	})
	if errors.Is(err, domain.ErrClaimLost) {
		return nil // another worker delivers it, or nobody is to
	}
	if disabled {
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
