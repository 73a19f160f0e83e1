package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/postgres/db"
)

// maxPageBytes is how much the mails of one page say together; a page with
// larger ones is shorter.
const maxPageBytes = 4 << 20

// How long and how often an address has to be refused to count as one that does
// not exist.
const (
	minRefusals  = 2
	refusalsKept = 30 * 24 * time.Hour
)

// OutboxEmail implements app.OutboxStore.
func (s *Store) OutboxEmail(ctx context.Context, tenant ids.Tenant, id string) (*app.OutboxEmail, error) {
	row, err := s.queries(ctx).OutboxEmail(ctx, db.OutboxEmailParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	email, err := s.outboxEmail(row)
	return &email, err
}

// OutboxEmails implements app.OutboxStore. It looks at the sizes first: a page
// must fit into memory and into one message.
func (s *Store) OutboxEmails(ctx context.Context, tenant ids.Tenant, filter app.OutboxFilter) (page []app.OutboxEmail, next string, err error) {
	params := db.OutboxPageParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Cursor: orNull(filter.Cursor), MaxRows: int32(filter.Limit + 1),
	}
	if filter.Statuses != nil {
		params.Statuses = []string{}
	}
	for _, status := range filter.Statuses {
		params.Statuses = append(params.Statuses, string(status))
	}
	sizes, err := s.queries(ctx).OutboxPage(ctx, params)
	if err != nil {
		return nil, "", err
	}
	var bytes int64
	var chosen []string
	for i, size := range sizes {
		bytes += int64(size.Bytes)
		if i == filter.Limit || i > 0 && bytes > maxPageBytes {
			next = size.ID
			break
		}
		chosen = append(chosen, size.ID)
	}
	rows, err := s.queries(ctx).OutboxEmails(ctx, db.OutboxEmailsParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Ids: chosen})
	if err != nil {
		return nil, "", err
	}
	for _, row := range rows {
		email, err := s.outboxEmail(row)
		if err != nil {
			return nil, "", err
		}
		page = append(page, email)
	}
	return page, next, nil
}

// outboxEmail reads a row. What cannot be opened any more is shown as empty.
func (s *Store) outboxEmail(row db.OutboxEmail) (app.OutboxEmail, error) {
	tenant := ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID}
	email := app.OutboxEmail{
		ID: row.ID, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, Source: row.Source, ThemeID: text(row.ThemeID),
		Recipient: domain.Recipient{
			Type: domain.RecipientType(row.RecipientType), UserID: text(row.UserID), Emails: row.RecipientEmails,
		},
		SkipDeliverabilityCheck: row.SkipDeliverabilityCheck, ScheduledAt: row.ScheduledAt,
		CreatedWith: domain.Origin(row.CreatedWith), DraftID: text(row.DraftID), TemplateID: text(row.TemplateID), HighPriority: row.IsHighPriority,
		Progress: domain.Progress{
			Paused: row.IsPaused, Queued: row.IsQueued, Skipped: domain.SkipReason(text(row.SkippedReason)),
			StartedRendering: row.StartedRenderingAt, FinishedRendering: row.FinishedRenderingAt, RenderFailed: row.RenderError != nil,
			StartedSending: row.StartedSendingAt, FinishedSending: row.FinishedSendingAt,
			CanHaveDeliveryInfo: row.CanHaveDeliveryInfo != nil && *row.CanHaveDeliveryInfo, ServerFailed: row.ServerError != nil,
			Delivered: row.DeliveredAt, DeliveryDelayed: row.DeliveryDelayedAt, Bounced: row.BouncedAt,
			Opened: row.OpenedAt, Clicked: row.ClickedAt, MarkedAsSpam: row.MarkedAsSpamAt,
		},
		Retries: int(row.SendRetries), NextRetryAt: row.NextSendRetryAt,
		Transactional: row.IsTransactional != nil && *row.IsTransactional, CategoryID: text(row.CategoryID),
	}
	_ = s.open("variables", tenant, row.ID, row.Variables, &email.Variables)
	if row.Rendered != nil {
		var content letterText
		_ = s.open("rendered", tenant, row.ID, row.Rendered, &content)
		email.Subject, email.HTML, email.Text = content.Subject, content.HTML, content.Text
	}
	if row.OverrideSubject != nil {
		email.Subject = *row.OverrideSubject
	}
	var renderError, serverError domain.ErrorReport
	for _, document := range []struct {
		text []byte
		into any
	}{
		{row.SkippedDetails, &email.SkippedDetails}, {row.SendAttemptErrors, &email.AttemptErrors},
		{row.RenderError, &renderError}, {row.ServerError, &serverError},
	} {
		if document.text == nil {
			continue
		}
		if err := json.Unmarshal(document.text, document.into); err != nil {
			return app.OutboxEmail{}, err
		}
	}
	email.RenderError, email.ServerError = renderError.ExternalMessage, serverError.ExternalMessage
	return email, nil
}

// FailedEmails implements app.OutboxStore.
func (s *Store) FailedEmails(ctx context.Context, age time.Duration, limit int) ([]app.FailedEmail, error) {
	ctx = tenancy.ForAllProjects(ctx) // whoever schedules it asks for all
	rows, err := s.queries(ctx).FailedEmails(ctx, db.FailedEmailsParams{AgeSeconds: age.Seconds(), MaxRows: int32(limit)})
	if err != nil {
		return nil, err
	}
	var failed []app.FailedEmail
	for _, row := range rows {
		email := app.FailedEmail{
			Tenant:    ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID},
			Recipient: domain.Recipient{Type: domain.RecipientType(row.RecipientType), UserID: text(row.UserID), Emails: row.RecipientEmails},
			Rendered:  row.Rendered != nil,
		}
		if row.Rendered != nil {
			var content letterText
			_ = s.open("rendered", email.Tenant, row.ID, row.Rendered, &content)
			email.Subject = content.Subject
		}
		if row.OverrideSubject != nil {
			email.Subject = *row.OverrideSubject
		}
		failed = append(failed, email)
	}
	return failed, nil
}

// CapacityBoost implements app.OutboxStore.
func (s *Store) CapacityBoost(ctx context.Context, tenant ids.Tenant) (app.CapacityBoost, error) {
	row, err := s.queries(ctx).CapacityBoost(ctx, db.CapacityBoostParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID})
	if errors.Is(err, pgx.ErrNoRows) {
		return app.CapacityBoost{}, nil
	}
	return app.CapacityBoost{ExpiresAt: &row.ExpiresAt, Active: row.Active}, err
}

// RefusedAddresses implements app.OutboxStore.
func (s *Store) RefusedAddresses(ctx context.Context, tenant ids.Tenant, addresses []string) ([]string, error) {
	hashes := make([][]byte, 0, len(addresses))
	for _, address := range addresses {
		hashes = append(hashes, hashOfAddress(address))
	}
	found, err := s.queries(ctx).RefusedAddresses(ctx, db.RefusedAddressesParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Hashes: hashes, MinRefusals: minRefusals, AgeSeconds: refusalsKept.Seconds(),
	})
	var refused []string
	for i, hash := range hashes {
		if slices.ContainsFunc(found, func(f []byte) bool { return string(f) == string(hash) }) {
			refused = append(refused, addresses[i])
		}
	}
	return refused, err
}

func hashOfAddress(address string) []byte {
	sum := sha256.Sum256([]byte(strings.ToLower(address)))
	return sum[:]
}

func (t *tx) CreateUserEmails(ctx context.Context, email domain.NewEmail, userIDs []string) error {
	params := db.CreateUserEmailsParams{
		ProjectID: email.ProjectID, BranchID: email.BranchID, Source: email.Source, ThemeID: orNull(email.ThemeID),
		OverrideSubject: orNull(email.OverrideSubject), OverrideCategoryID: orNull(email.OverrideCategoryID),
		IsHighPriority: email.HighPriority, CreatedWith: string(email.CreatedWith),
		DraftID: orNull(email.DraftID), TemplateID: orNull(email.TemplateID), ScheduledAt: email.ScheduledAt, UserIds: userIDs,
	}
	for range userIDs {
		id := ids.NewUUID()
		variables, err := t.store.seal("variables", email.Tenant, id, email.Variables)
		if err != nil {
			return err
		}
		params.Ids, params.Variables = append(params.Ids, id), append(params.Variables, variables)
	}
	if err := t.queries.CreateUserEmails(ctx, params); err != nil {
		return err
	}
	return t.queries.NotifyWorkers(ctx)
}

func (t *tx) WakeWorkers(ctx context.Context) error { return t.queries.NotifyWorkers(ctx) }

func (t *tx) CancelEmail(ctx context.Context, tenant ids.Tenant, id string) (bool, error) {
	rows, err := t.queries.CancelEmail(ctx, db.CancelEmailParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: id})
	return rows > 0, err
}

func (t *tx) EditEmail(ctx context.Context, tenant ids.Tenant, id string, change app.EmailChange) (bool, error) {
	params := db.EditEmailParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: id, Source: change.Source,
		SkipDeliverabilityCheck: change.SkipDeliverabilityCheck, ScheduledAt: change.ScheduledAt, IsPaused: change.Paused, Resets: change.Resets(),
	}
	if change.ThemeID != nil {
		params.SetsTheme, params.ThemeID = true, orNull(*change.ThemeID)
	}
	if to := change.Recipient; to != nil {
		kind := string(to.Type)
		params.RecipientType, params.UserID, params.RecipientEmails = &kind, orNull(to.UserID), to.Emails
	}
	if change.Variables != nil {
		var err error
		if params.Variables, err = t.store.seal("variables", tenant, id, change.Variables); err != nil {
			return false, err
		}
	}
	rows, err := t.queries.EditEmail(ctx, params)
	if err != nil || rows == 0 {
		return false, err
	}
	return true, t.queries.NotifyWorkers(ctx)
}

func (t *tx) BoostCapacity(ctx context.Context, tenant ids.Tenant, duration time.Duration) (time.Time, bool, error) {
	expiresAt, err := t.queries.BoostCapacity(ctx, db.BoostCapacityParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, BoostSeconds: duration.Seconds(),
	})
	if !errors.Is(err, pgx.ErrNoRows) {
		return expiresAt, err == nil, err
	}
	row, err := t.queries.CapacityBoost(ctx, db.CapacityBoostParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID})
	return row.ExpiresAt, false, err
}

func (t *tx) RecordRefusal(ctx context.Context, tenant ids.Tenant, address string) error {
	return t.queries.RecordRefusal(ctx, db.RecordRefusalParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, AddressHash: hashOfAddress(address),
	})
}

func (t *tx) ForgiveAddresses(ctx context.Context, tenant ids.Tenant, addresses []string) error {
	params := db.ForgiveAddressesParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID}
	for _, address := range addresses {
		params.Hashes = append(params.Hashes, hashOfAddress(address))
	}
	return t.queries.ForgiveAddresses(ctx, params)
}
