package notifications

import (
	"context"

	"vestibule.dev/pkg/service"
	"vestibule.dev/services/notifications/internal/app"
)

// newCounters makes the counters of what became of mails and webhooks. None has
// a project, a user or an address among its labels.
func newCounters(ctx context.Context, p *service.Platform) (counters app.Counters, err error) {
	counters.Mails, err = p.Counts(ctx, "vestibule.mails", "What became of mails, and of attempts to send them.",
		[]string{"outcome", "kind"}, app.MailOutcomes()...)
	if err != nil {
		return counters, err
	}
	counters.WebhookAttempts, err = p.Counts(ctx, "vestibule.webhook.attempts", "Calls of webhook endpoints, by how they ended.",
		[]string{"outcome"}, []string{app.AttemptDelivered}, []string{app.AttemptRefused}, []string{app.AttemptUnanswered})
	if err != nil {
		return counters, err
	}
	counters.WebhookLosses, err = p.Counts(ctx, "vestibule.webhook.losses", "Deliveries that were given up, and endpoints that were disabled because they failed for days.",
		[]string{"kind"}, []string{app.LossDelivery}, []string{app.LossEndpoint})
	return counters, err
}
