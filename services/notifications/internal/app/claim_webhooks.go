package app

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
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
