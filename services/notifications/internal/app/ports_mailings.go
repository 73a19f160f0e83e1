package app

import (
	"context"

	"vestibule.dev/services/notifications/internal/domain"
)

// Mailing is a mail to more users than a request can write to.
type Mailing struct {
	ID string
	// Email is what the mails have in common.
	Email domain.NewEmail
	// UserIDs are those who get it, or of a claimed mailing those who are next.
	UserIDs []string
	// Done of Total users have their mail.
	Done, Total int
	// After is not empty when whoever follows this user gets the mail too.
	After string
	// Unreadable is set when what the row holds cannot be opened.
	Unreadable error
}

// MailingTx writes mailings.
type MailingTx interface {
	// CreateMailing records the mailing and wakes the workers. For a deleted
	// project it does nothing.
	CreateMailing(ctx context.Context, mailing Mailing) error
	// ClaimMailing locks the mailing that has waited longest, of a tenant of which
	// fewer mails than unrendered wait to be rendered. It returns nil when there
	// is none.
	ClaimMailing(ctx context.Context, users, unrendered int) (*Mailing, error)
	// AdvanceMailing records how many users have their mail.
	AdvanceMailing(ctx context.Context, mailing *Mailing, done int) error
	// ContinueMailing gives a mailing whose users all have their mail the next
	// ones, unless another worker did.
	ContinueMailing(ctx context.Context, mailing *Mailing, userIDs []string, after string) error
	DeleteMailing(ctx context.Context, mailing *Mailing) error
}
