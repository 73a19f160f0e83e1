package app

import (
	"context"
	"errors"
	"time"

	"vestibule.dev/services/notifications/internal/domain"
)

const (
	// stuckAfter is when a worker that does not finish is given up.
	stuckAfter = 20 * time.Minute
	// unsentAfter is when a mail that was claimed, but not handed over, goes to
	// another worker. That is safe at any time.
	unsentAfter = 90 * time.Second
)

// TidyQueue takes mails away from workers that died with them.
func (a *App) TidyQueue(ctx context.Context) error {
	_, renderErr := a.Store.ReleaseStuckRendering(ctx, stuckAfter)
	_, sendErr := a.Store.ReleaseStuckSending(ctx, unsentAfter)
	return errors.Join(renderErr, sendErr, a.terminateStuck(ctx))
}

// terminateStuck ends mails of which nobody can know whether they arrived.
func (a *App) terminateStuck(ctx context.Context) error {
	failure := &domain.SendFailure{
		Type:    domain.FailureUnknown,
		Message: "Sending was interrupted. The mail may or may not have arrived, so it is not sent again.",
	}
	var lost int
	err := a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		mails, err := tx.TerminateStuckSending(ctx, stuckAfter, failure.Report())
		if err != nil {
			return err
		}
		events := make([]Event, 0, len(mails))
		for _, mail := range mails {
			events = append(events, EmailFailed{
				Claim: mail.Claim, UserID: mail.Recipient.UserID, TemplateID: mail.TemplateID, Stage: "send", Type: failure.Type, Attempts: mail.Retries + 1,
			})
		}
		lost = len(mails)
		return tx.Emit(ctx, events...)
	})
	if err != nil {
		return err
	}
	for range lost {
		a.Mails.Add(ctx, MailFailed, string(failure.Type))
	}
	return nil
}
