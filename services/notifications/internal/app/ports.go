package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

// Store remembers mails. Its reads see the ambient transaction if there is
// one.
type Store interface {
	WebhookStore

	// RunTx runs fn in one transaction and commits when fn returns nil. It
	// joins the transaction that ctx carries, and repeats fn after a
	// serialization failure, so fn must have no other effects.
	RunTx(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error

	// ClaimForRendering claims the oldest mails that nobody renders.
	ClaimForRendering(ctx context.Context, limit int) ([]Draft, error)
	// ReleaseRendering gives a claim back for a while.
	ReleaseRendering(ctx context.Context, claim Claim, wait time.Duration) error
	// ReleaseStuckRendering gives back claims older than age.
	ReleaseStuckRendering(ctx context.Context, age time.Duration) (int64, error)

	// RecentlyDeletedProjects lists projects that were deleted within a day.
	RecentlyDeletedProjects(ctx context.Context) (projectIDs []string, err error)

	// AdvanceStep returns the time since the last call of any worker, once:
	// all calls together return the time that passed. The first call ever
	// returns first.
	AdvanceStep(ctx context.Context, first time.Duration) (time.Duration, error)
	// QueueEmails queues rendered mails that are due.
	QueueEmails(ctx context.Context) error
	// QueuedTenants lists the tenants with queued mails.
	QueuedTenants(ctx context.Context) ([]ids.Tenant, error)
	// DeliveryStats counts what became of a tenant's mails.
	DeliveryStats(ctx context.Context, tenant ids.Tenant) (domain.DeliveryStats, error)

	// HandOver records that the mail is about to be given to a mail server. It
	// fails with domain.ErrClaimLost.
	HandOver(ctx context.Context, claim Claim) error
	// ReleaseSending gives a claim back for a while. Only a worker that told
	// no mail server of the mail may do so.
	ReleaseSending(ctx context.Context, claim Claim, wait time.Duration) error
	// ReleaseStuckSending gives back claims older than age whose mail was not
	// handed over.
	ReleaseStuckSending(ctx context.Context, age time.Duration) (int64, error)

	PreferenceStore
	OutboxStore
}

// Tx is what a use case writes. Methods that finish a claim fail with
// domain.ErrClaimLost when it is no longer held.
type Tx interface {
	WebhookTx

	// CreateEmail inserts the mail, wakes the workers and reports false when
	// its id exists.
	CreateEmail(ctx context.Context, email domain.NewEmail) (created bool, err error)

	// SaveRendered keeps what the mail says; unsubscribeURL is empty when it
	// offers none.
	SaveRendered(ctx context.Context, claim Claim, rendered letter.Letter, category *domain.Category, unsubscribeURL string) error
	SaveRenderError(ctx context.Context, claim Claim, report domain.ErrorReport) error

	// LockTenant waits for other claims of the tenant.
	LockTenant(ctx context.Context, tenant ids.Tenant) error
	// BurstUsed counts the urgent mails of the last minute.
	BurstUsed(ctx context.Context, tenant ids.Tenant) (int, error)
	// ClaimForSending claims queued mails, most urgent first.
	ClaimForSending(ctx context.Context, tenant ids.Tenant, minPriority, limit int) ([]Mail, error)

	FinishSent(ctx context.Context, claim Claim) error
	FinishFailed(ctx context.Context, claim Claim, attempt domain.AttemptError) error
	RetryLater(ctx context.Context, claim Claim, attempt domain.AttemptError, wait time.Duration) error
	Skip(ctx context.Context, claim Claim, reason domain.SkipReason, details map[string]any) error
	// TerminateStuckSending ends mails that were claimed longer than age ago
	// and returns them.
	TerminateStuckSending(ctx context.Context, age time.Duration, report domain.ErrorReport) ([]Mail, error)

	PreferenceTx
	OutboxTx
	MailingTx
	// DeleteUser forgets what belongs to the user and remembers that they are
	// gone. Call LockUser before.
	DeleteUser(ctx context.Context, tenant ids.Tenant, userID string) error
	// PurgeProject deletes every row of the project and remembers that it is
	// gone.
	PurgeProject(ctx context.Context, projectID string) error

	// Emit records events to be published after the commit.
	Emit(ctx context.Context, events ...Event) error
}

// Claim is one worker's hold on one mail. The worker's id is new for every
// claim, so that a claim which was taken away finishes nothing.
type Claim struct {
	ids.Tenant

	ID       string
	WorkerID string
}

// Draft is a mail claimed for rendering.
type Draft struct {
	Claim

	Source     string
	Raw        bool
	ThemeID    string // empty for none
	UserID     string
	TemplateID string
	Variables  map[string]any
	// OverrideCategoryID is empty when the template decides.
	OverrideCategoryID string
	// Unreadable is set when what the row holds cannot be opened.
	Unreadable error
}

// Mail is a mail claimed for sending.
type Mail struct {
	Claim

	Recipient               domain.Recipient
	TemplateID              string
	CategoryID              string // empty for none
	SkipDeliverabilityCheck bool
	Retries                 int
	Subject, HTML, Text     string
	// UnsubscribeURL is empty when the mail offers no way out.
	UnsubscribeURL string
	// Unreadable is set when what the row holds cannot be opened.
	Unreadable error
}

// Configs reads the configuration of projects; *projectconfig.Cache is one.
type Configs interface {
	Get(ctx context.Context, tenant ids.Tenant, minVersion int64) (*projectconfig.Config, error)
}

// Users asks identity about users.
type Users interface {
	// Contacts returns what is known of the users by id; those who do not
	// exist are left out.
	Contacts(ctx context.Context, tenant ids.Tenant, userIDs []string) (map[string]domain.Contact, error)
	// Owners lists the addresses of those who administer a project.
	Owners(ctx context.Context, projectID string) (emails []string, err error)
	// UserIDs lists users in ascending order of their ids, beginning behind
	// after; an empty after begins at the start.
	UserIDs(ctx context.Context, tenant ids.Tenant, after string, limit int) ([]string, error)
}

// Server is a mail server and who sends by it.
type Server struct {
	// Shared means the platform's own; of the other fields only SenderName
	// counts then.
	Shared      bool
	Host        string
	Port        int
	Username    string
	Password    secret.Secret
	SenderName  string
	SenderEmail string
}

// Message is what a mail server gets.
type Message struct {
	// ID makes the message recognizable when it arrives twice.
	ID                  string
	To                  []string
	Subject, HTML, Text string
	// UnsubscribeURL is what a mail program offers as one click (RFC 8058);
	// empty for none.
	UnsubscribeURL string
}

// Mailer talks to mail servers.
type Mailer interface {
	// Send delivers one message over a connection of its own. It calls handOver
	// once everything is ready and before the server learns of the message; an
	// error of handOver is returned as it is. Other errors are
	// *domain.SendFailure.
	Send(ctx context.Context, server Server, message Message, handOver func(ctx context.Context) error) error
}
