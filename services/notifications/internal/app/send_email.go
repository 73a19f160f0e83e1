package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/notifications/internal/domain"
)

// SendEmail sends one claimed mail, or finds out why not, and records what
// became of it.
//
// The mail server is told of the mail only after that intent was recorded. When
// the worker dies before, another one sends the mail; when it dies after,
// nobody can know whether the mail went out, and it ends as failed instead of
// arriving twice.
func (a *App) SendEmail(ctx context.Context, mail Mail) error {
	message, server, skip, err := a.prepare(ctx, mail)
	if err != nil {
		a.Logger.WarnContext(ctx, "a mail waits", "project", mail.ProjectID, "email", mail.ID, "error", err)
		return a.Store.ReleaseSending(ctx, mail.Claim, deferral)
	}
	if skip != nil {
		err := a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
			return tx.Skip(ctx, mail.Claim, skip.reason, skip.details)
		})
		if err == nil {
			a.Mails.Add(ctx, MailSkipped, string(skip.reason))
		}
		return err
	}
	if mail.Unreadable != nil {
		return a.fail(ctx, mail, &domain.SendFailure{
			Type: domain.FailureUnknown, Message: "The mail could not be read.", Cause: mail.Unreadable,
		}, "")
	}
	handedOver := false
	err = a.Mailer.Send(ctx, server, message, func(ctx context.Context) error {
		err := a.Store.HandOver(ctx, mail.Claim)
		handedOver = err == nil
		return err
	})
	var failure *domain.SendFailure
	switch {
	case err == nil:
		return a.record(ctx, func(ctx context.Context) error { return a.sent(ctx, mail, server, message.To) })
	case errors.Is(err, domain.ErrClaimLost):
		return nil
	case !handedOver && (ctx.Err() != nil || !errors.As(err, &failure)):
		// Stopped, or the database was away: the mail is as it was.
		return a.record(ctx, func(ctx context.Context) error { return a.Store.ReleaseSending(ctx, mail.Claim, 0) })
	case !errors.As(err, &failure):
		failure = &domain.SendFailure{Type: domain.FailureUnknown, Message: "Sending the mail failed unexpectedly.", Cause: err}
	}
	refused := ""
	if server.Shared {
		if failure.Recipient && len(message.To) == 1 {
			refused = message.To[0]
		}
		// How the platform's own server is reached is not the project's to know.
		a.Logger.WarnContext(ctx, "the shared mail server failed", "project", mail.ProjectID, "email", mail.ID, "type", failure.Type, "error", failure.Cause)
		failure = &domain.SendFailure{Type: failure.Type, Retry: failure.Retry, Message: failure.Message}
	}
	return a.record(ctx, func(ctx context.Context) error { return a.fail(ctx, mail, failure, refused) })
}

// skip is the decision not to send.
type skip struct {
	reason  domain.SkipReason
	details map[string]any
}

// prepare resolves the recipient and the server as they are now. An error
// means that something needed for it is away.
func (a *App) prepare(ctx context.Context, mail Mail) (Message, Server, *skip, error) {
	config, err := a.Configs.Get(ctx, mail.Tenant, 0)
	if err != nil {
		return Message{}, Server{}, nil, err
	}
	server := chooseServer(config)
	none := map[string]any{}
	to, reason, err := a.addresses(ctx, mail)
	switch {
	case err != nil:
		return Message{}, server, nil, err
	case reason != "":
		return Message{}, server, &skip{reason, none}, nil
	}
	refused, err := a.unsubscribed(ctx, mail)
	switch {
	case err != nil:
		return Message{}, server, nil, err
	case refused:
		return Message{}, server, &skip{domain.SkipUserUnsubscribed, none}, nil
	}
	if server.Shared && !mail.SkipDeliverabilityCheck {
		email, verdict, err := a.undeliverable(ctx, mail, to)
		switch {
		case err != nil:
			return Message{}, server, nil, err
		case email != "":
			return Message{}, server, &skip{domain.SkipLikelyNotDeliverable, map[string]any{"email": email, "emailableResponse": verdict}}, nil
		}
	}
	message := Message{ID: mail.ID, To: to, Subject: mail.Subject, HTML: mail.HTML, Text: mail.Text, UnsubscribeURL: mail.UnsubscribeURL}
	return message, server, nil, nil
}

func (a *App) addresses(ctx context.Context, mail Mail) ([]string, domain.SkipReason, error) {
	var user *domain.Contact
	if mail.Recipient.UserID != "" {
		contacts, err := a.Users.Contacts(ctx, mail.Tenant, []string{mail.Recipient.UserID})
		if err != nil {
			return nil, "", err
		}
		if contact, ok := contacts[mail.Recipient.UserID]; ok {
			user = &contact
		}
	}
	to, reason := mail.Recipient.Addresses(user)
	return to, reason, nil
}

// undeliverable returns an address that the mail would not reach, and the
// verdict about it; empty when there is none.
func (a *App) undeliverable(ctx context.Context, mail Mail, to []string) (string, map[string]any, error) {
	if email, verdict, found := domain.Undeliverable(to); found {
		return email, verdict, nil
	}
	refused, err := a.Store.RefusedAddresses(ctx, mail.Tenant, to)
	if err != nil || len(refused) == 0 {
		return "", nil, err
	}
	return refused[0], domain.RefusedVerdict(), nil
}

// unsubscribed reports whether the user does not want mails of this category.
func (a *App) unsubscribed(ctx context.Context, mail Mail) (bool, error) {
	category, ok := domain.CategoryByID(mail.CategoryID)
	if !ok || !category.CanDisable || mail.Recipient.UserID == "" {
		return false, nil
	}
	enabled, err := a.Store.Preference(ctx, mail.Tenant, mail.Recipient.UserID, category.ID)
	return enabled != nil && !*enabled, err
}

// chooseServer resolves the project's mail server (notifications.md §3).
func chooseServer(config *projectconfig.Config) Server {
	own := config.Emails.Server
	switch {
	case own.IsShared:
		return Server{Shared: true, SenderName: config.DisplayName}
	case own.Provider == "managed":
		return Server{
			Host: "smtp.resend.com", Port: 465, Username: "resend", Password: own.Password,
			SenderName: config.DisplayName, SenderEmail: own.ManagedSenderLocalPart + "@" + own.ManagedSubdomain,
		}
	default:
		return Server{
			Host: own.Host, Port: own.Port, Username: own.Username, Password: own.Password,
			SenderName: own.SenderName, SenderEmail: own.SenderEmail,
		}
	}
}

func (a *App) sent(ctx context.Context, mail Mail, server Server, to []string) error {
	err := a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.FinishSent(ctx, mail.Claim); err != nil {
			return err
		}
		if server.Shared {
			if err := tx.ForgiveAddresses(ctx, mail.Tenant, to); err != nil {
				return err
			}
		}
		return tx.Emit(ctx, EmailSent{Claim: mail.Claim, UserID: mail.Recipient.UserID, TemplateID: mail.TemplateID, Attempts: mail.Retries + 1})
	})
	if err == nil {
		a.Mails.Add(ctx, MailSent, "")
	}
	return err
}

// fail records an attempt, and whether another one follows. refused is an
// address that the shared server does not take, or empty.
func (a *App) fail(ctx context.Context, mail Mail, failure *domain.SendFailure, refused string) error {
	attempts := mail.Retries + 1
	entry := failure.Attempt(attempts, a.Clock.Now())
	final := !failure.Retry || attempts >= domain.MaxSendAttempts
	wait := time.Duration(domain.RetrySeconds(attempts, a.Random()) * float64(time.Second))
	err := a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if !final {
			return tx.RetryLater(ctx, mail.Claim, entry, wait)
		}
		if err := tx.FinishFailed(ctx, mail.Claim, entry); err != nil {
			return err
		}
		if refused != "" {
			if err := tx.RecordRefusal(ctx, mail.Tenant, refused); err != nil {
				return err
			}
		}
		return tx.Emit(ctx, EmailFailed{
			Claim: mail.Claim, UserID: mail.Recipient.UserID, TemplateID: mail.TemplateID, Stage: "send", Type: failure.Type, Attempts: attempts,
		})
	})
	outcome := MailRetried
	if final {
		outcome = MailFailed
	}
	if err == nil {
		a.Mails.Add(ctx, outcome, string(failure.Type))
	}
	return err
}

const (
	recordFor   = 2 * time.Minute
	recordPause = 250 * time.Millisecond
)

// record writes what became of a mail or a webhook, and insists: a mail of which
// that is not recorded is taken for lost, although the server may have it, and a
// webhook is delivered again. It goes on for a while after ctx has ended.
func (a *App) record(ctx context.Context, write func(ctx context.Context) error) error {
	stopped := ctx.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordFor)
	defer cancel()
	for {
		err := write(ctx)
		if err == nil || errors.Is(err, domain.ErrClaimLost) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the outcome was not recorded: %w", err)
		case <-stopped:
			// The process is about to end; there is time for a few more tries.
			var end context.CancelFunc
			ctx, end = context.WithTimeout(ctx, 4*time.Second)
			defer end()
			stopped = nil
		case <-time.After(recordPause):
		}
	}
}
