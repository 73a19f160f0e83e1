package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/notifications/internal/domain"
)

// OutboxStore reads mails as the API tells of them, and drafts.
type OutboxStore interface {
	// OutboxEmail returns nil for a mail that does not exist.
	OutboxEmail(ctx context.Context, tenant ids.Tenant, id string) (*OutboxEmail, error)
	// OutboxEmails lists mails, newest first, and names the first one that did
	// not fit. Large mails make a page shorter than the limit. An unknown cursor
	// lists none.
	OutboxEmails(ctx context.Context, tenant ids.Tenant, filter OutboxFilter) (page []OutboxEmail, next string, err error)
	// FailedEmails lists mails of all projects that failed within age, newest
	// first, without what they say.
	FailedEmails(ctx context.Context, age time.Duration, limit int) ([]FailedEmail, error)
	// CapacityBoost returns the last boost; ExpiresAt is nil if there was none.
	CapacityBoost(ctx context.Context, tenant ids.Tenant) (CapacityBoost, error)
	// RefusedAddresses returns those of the addresses that mail servers have
	// refused for good.
	RefusedAddresses(ctx context.Context, tenant ids.Tenant, addresses []string) ([]string, error)

	// EmailDraft returns nil for a draft that does not exist.
	EmailDraft(ctx context.Context, tenant ids.Tenant, id string) (*EmailDraft, error)
	// EmailDrafts lists drafts, last changed first.
	EmailDrafts(ctx context.Context, tenant ids.Tenant) ([]EmailDraft, error)
}

// OutboxTx writes mails of the outbox and drafts. Methods that change a row
// report false when there is none, or none that may be changed.
type OutboxTx interface {
	// CreateUserEmails queues the mail once for each user, and wakes the
	// workers. Its id and recipient do not count.
	CreateUserEmails(ctx context.Context, email domain.NewEmail, userIDs []string) error
	// WakeWorkers makes the workers look at the queue.
	WakeWorkers(ctx context.Context) error
	CancelEmail(ctx context.Context, tenant ids.Tenant, id string) (cancelled bool, err error)
	EditEmail(ctx context.Context, tenant ids.Tenant, id string, change EmailChange) (changed bool, err error)
	// BoostCapacity begins a boost, unless one is active.
	BoostCapacity(ctx context.Context, tenant ids.Tenant, duration time.Duration) (expiresAt time.Time, begun bool, err error)
	// RecordRefusal notes that a mail server refused the address for good.
	RecordRefusal(ctx context.Context, tenant ids.Tenant, address string) error
	// ForgiveAddresses forgets refusals of addresses that took a mail.
	ForgiveAddresses(ctx context.Context, tenant ids.Tenant, addresses []string) error

	// CreateDraft reports false when all drafts together would be too large.
	CreateDraft(ctx context.Context, tenant ids.Tenant, draft EmailDraft) (created bool, err error)
	// DraftsFit reports whether all drafts together are small enough.
	DraftsFit(ctx context.Context, tenant ids.Tenant) (bool, error)
	UpdateDraft(ctx context.Context, tenant ids.Tenant, id string, change DraftChange) (changed bool, err error)
	MarkDraftSent(ctx context.Context, tenant ids.Tenant, id string) (marked bool, err error)
	DeleteDraft(ctx context.Context, tenant ids.Tenant, id string) (deleted bool, err error)
}

// ConfigWriter changes the configuration of projects.
type ConfigWriter interface {
	// ChangeConfig changes nothing and returns false when a required key is
	// missing.
	ChangeConfig(ctx context.Context, tenant ids.Tenant, change ConfigChange) (changed bool, err error)
}

// ConfigChange is a change of a project's configuration at level environment.
type ConfigChange struct {
	// Set holds values by dotted key; nil removes a value.
	Set map[string]any
	// Reset are dotted keys that are removed with everything below them.
	Reset []string
	// Required are dotted keys that must exist.
	Required []string
}

// OutboxFilter chooses mails.
type OutboxFilter struct {
	// Statuses is nil for all.
	Statuses []domain.Status
	// Cursor is the id of the first mail; empty for the newest.
	Cursor string
	Limit  int
}

// OutboxEmail is a mail with everything that has become of it.
type OutboxEmail struct {
	ID                      string
	CreatedAt, UpdatedAt    time.Time
	Source                  string
	ThemeID                 string // empty for none
	Recipient               domain.Recipient
	Variables               map[string]any
	SkipDeliverabilityCheck bool
	ScheduledAt             time.Time
	CreatedWith             domain.Origin
	DraftID, TemplateID     string // empty for none
	HighPriority            bool

	Progress       domain.Progress
	Retries        int
	NextRetryAt    *time.Time
	AttemptErrors  []any // decoded JSON; nil for none
	SkippedDetails map[string]any

	// Meaningful once rendered.
	Subject, HTML, Text string
	Transactional       bool
	CategoryID          string // empty for none
	// Empty when nothing failed.
	RenderError, ServerError string
}

// Problem tells why the mail failed; empty when it did not.
func (e *OutboxEmail) Problem() string {
	switch {
	case e.RenderError != "":
		return "Render error: " + e.RenderError
	case e.ServerError != "":
		return "Send error: " + e.ServerError
	}
	return ""
}

// FailedEmail is a mail that could not be rendered or sent.
type FailedEmail struct {
	ids.Tenant

	Subject   string
	Recipient domain.Recipient
	// Rendered is false when rendering failed.
	Rendered bool
}

// EmailChange is a change of a mail that is not being sent yet; what is nil
// stays.
type EmailChange struct {
	Source *string
	// ThemeID is empty for no theme.
	ThemeID                 *string
	Recipient               *domain.Recipient
	Variables               map[string]any
	SkipDeliverabilityCheck *bool
	ScheduledAt             *time.Time
	Paused                  *bool
	// Cancel makes the rest of no account.
	Cancel bool
}

// Resets reports whether the mail has to be rendered again.
func (c EmailChange) Resets() bool {
	return c.Source != nil || c.ThemeID != nil || c.Recipient != nil || c.Variables != nil
}

// CapacityBoost is a time in which a tenant sends faster.
type CapacityBoost struct {
	ExpiresAt *time.Time
	Active    bool
}

// EmailDraft is a mail that is being written.
type EmailDraft struct {
	ID          string
	DisplayName string
	Source      string
	Theme       projectconfig.ThemeChoice
	SentAt      *time.Time
}

// DraftChange is a change of a draft; what is nil stays.
type DraftChange struct {
	DisplayName, Source *string
	Theme               projectconfig.ThemeChoice
}
