package app

import (
	"context"

	"vestibule.dev/pkg/obs"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// Counters count for the operators of the platform. Those that are nil count
// nothing.
type Counters struct {
	// Mails have an outcome and a kind: the type of the failure or the reason for
	// which a mail was skipped.
	Mails *obs.Counts
	// WebhookAttempts have an outcome, WebhookLosses a kind.
	WebhookAttempts, WebhookLosses *obs.Counts
}

// What becomes of a mail, or of an attempt to send it.
const (
	MailSent       = "sent"
	MailRetried    = "retried"
	MailFailed     = "failed"
	MailUnrendered = "unrendered"
	MailSkipped    = "skipped"
)

// MailOutcomes are outcomes with their kinds, as far as they are known before
// they happen.
func MailOutcomes() [][]string {
	outcomes := [][]string{{MailSent, ""}, {MailUnrendered, ""}}
	for _, failure := range domain.FailureTypes() {
		outcomes = append(outcomes, []string{MailRetried, string(failure)}, []string{MailFailed, string(failure)})
	}
	return outcomes
}

// How a call of a webhook endpoint ends.
const (
	AttemptDelivered  = "delivered"
	AttemptRefused    = "refused"
	AttemptUnanswered = "unanswered"
)

// What is lost when an endpoint fails for long.
const (
	LossDelivery = "delivery"
	LossEndpoint = "endpoint"
)

// countAttempt counts how a call ended.
func (c Counters) countAttempt(ctx context.Context, outcome webhook.Outcome) {
	switch {
	case outcome.Succeeded():
		c.WebhookAttempts.Add(ctx, AttemptDelivered)
	case outcome.Status == 0:
		c.WebhookAttempts.Add(ctx, AttemptUnanswered)
	default:
		c.WebhookAttempts.Add(ctx, AttemptRefused)
	}
}
