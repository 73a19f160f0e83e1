package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/secret"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/postgres/db"
)

// Channel is notified whenever a mail was queued.
const Channel = "emails"

// Encode turns an event into its published form.
type Encode func(ctx context.Context, event app.Event) (*eventsv1.Envelope, error)

// Store implements app.Store.
type Store struct {
	db     *pg.DB
	box    *secret.Box
	encode Encode
}

// NewStore returns a Store that seals what mails say with box and publishes
// events through the outbox in the form encode gives them.
func NewStore(database *pg.DB, box *secret.Box, encode Encode) *Store {
	return &Store{db: database, box: box, encode: encode}
}

func (s *Store) queries(ctx context.Context) *db.Queries { return db.New(s.db.Querier(ctx)) }

// RunTx implements app.Store.
func (s *Store) RunTx(ctx context.Context, fn func(ctx context.Context, tx app.Tx) error) error {
	return s.db.RunTx(ctx, func(ctx context.Context, pgxTx pgx.Tx) error {
		return fn(ctx, &tx{store: s, tx: pgxTx, queries: db.New(pgxTx)})
	})
}

// ClaimForRendering implements app.Store.
func (s *Store) ClaimForRendering(ctx context.Context, limit int) ([]app.Draft, error) {
	rows, err := s.queries(ctx).ClaimForRendering(ctx, db.ClaimForRenderingParams{WorkerID: ids.NewUUID(), MaxRows: int32(limit)})
	if err != nil {
		return nil, err
	}
	drafts := make([]app.Draft, 0, len(rows))
	for _, row := range rows {
		drafts = append(drafts, s.draft(row))
	}
	return drafts, nil
}

func (s *Store) draft(row db.Email) app.Draft {
	tenant := ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID}
	draft := app.Draft{
		Claim:              app.Claim{Tenant: tenant, ID: row.ID, WorkerID: text(row.RenderWorkerID)},
		Source:             row.Source,
		Raw:                row.CreatedWith == string(domain.FromProgrammaticCall) && row.TemplateID == nil,
		ThemeID:            text(row.ThemeID),
		UserID:             text(row.UserID),
		TemplateID:         text(row.TemplateID),
		OverrideCategoryID: text(row.OverrideCategoryID),
	}
	draft.Unreadable = s.open("variables", tenant, row.ID, row.Variables, &draft.Variables)
	return draft
}

// ReleaseRendering implements app.Store.
func (s *Store) ReleaseRendering(ctx context.Context, claim app.Claim, wait time.Duration) error {
	return s.queries(ctx).ReleaseRendering(ctx, db.ReleaseRenderingParams{
		ProjectID: claim.ProjectID, BranchID: claim.BranchID, ID: claim.ID, WorkerID: claim.WorkerID, WaitSeconds: wait.Seconds(),
	})
}

// ReleaseStuckRendering implements app.Store.
func (s *Store) ReleaseStuckRendering(ctx context.Context, age time.Duration) (int64, error) {
	return s.queries(ctx).ReleaseStuckRendering(ctx, age.Seconds())
}

// AdvanceStep implements app.Store.
func (s *Store) AdvanceStep(ctx context.Context, first time.Duration) (time.Duration, error) {
	seconds, err := s.queries(ctx).AdvanceStep(ctx)
	if !errors.Is(err, pgx.ErrNoRows) {
		return time.Duration(max(seconds, 0) * float64(time.Second)), err
	}
	inserted, err := s.queries(ctx).BeginSteps(ctx)
	if inserted == 0 {
		return 0, err // another worker was first
	}
	return first, err
}

// QueueEmails implements app.Store.
func (s *Store) QueueEmails(ctx context.Context) error {
	_, err := s.queries(ctx).QueueEmails(ctx)
	return err
}

// QueuedTenants implements app.Store.
func (s *Store) QueuedTenants(ctx context.Context) ([]ids.Tenant, error) {
	rows, err := s.queries(ctx).QueuedTenants(ctx)
	if err != nil {
		return nil, err
	}
	tenants := make([]ids.Tenant, 0, len(rows))
	for _, row := range rows {
		tenants = append(tenants, ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID})
	}
	return tenants, nil
}

// DeliveryStats implements app.Store.
func (s *Store) DeliveryStats(ctx context.Context, tenant ids.Tenant) (domain.DeliveryStats, error) {
	row, err := s.queries(ctx).DeliveryStats(ctx, db.DeliveryStatsParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID})
	return domain.DeliveryStats{
		Hour:  domain.Deliveries{Sent: row.HourSent, Bounced: row.HourBounced, MarkedAsSpam: row.HourSpam},
		Day:   domain.Deliveries{Sent: row.DaySent, Bounced: row.DayBounced, MarkedAsSpam: row.DaySpam},
		Week:  domain.Deliveries{Sent: row.WeekSent, Bounced: row.WeekBounced, MarkedAsSpam: row.WeekSpam},
		Month: domain.Deliveries{Sent: row.MonthSent, Bounced: row.MonthBounced, MarkedAsSpam: row.MonthSpam},
	}, err
}

// HandOver implements app.Store.
func (s *Store) HandOver(ctx context.Context, claim app.Claim) error {
	return held(s.queries(ctx).HandOver(ctx, db.HandOverParams{
		ProjectID: claim.ProjectID, BranchID: claim.BranchID, ID: claim.ID, WorkerID: claim.WorkerID,
	}))
}

// ReleaseSending implements app.Store.
func (s *Store) ReleaseSending(ctx context.Context, claim app.Claim, wait time.Duration) error {
	_, err := s.queries(ctx).ReleaseSending(ctx, db.ReleaseSendingParams{
		ProjectID: claim.ProjectID, BranchID: claim.BranchID, ID: claim.ID, WorkerID: claim.WorkerID, WaitSeconds: wait.Seconds(),
	})
	return err
}

// ReleaseStuckSending implements app.Store.
func (s *Store) ReleaseStuckSending(ctx context.Context, age time.Duration) (int64, error) {
	return s.queries(ctx).ReleaseStuckSending(ctx, age.Seconds())
}

// held turns the number of rows a worker's update hit into an error.
func held(rows int64, err error) error {
	if err == nil && rows == 0 {
		return domain.ErrClaimLost
	}
	return err
}

func text(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}

// orNull is nil for an empty text.
func orNull(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}
