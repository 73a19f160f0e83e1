package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/outbox"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/domain/letter"
	"vestibule.dev/services/notifications/internal/postgres/db"
)

// tx implements app.Tx.
type tx struct {
	store   *Store
	tx      pgx.Tx
	queries *db.Queries
}

func (t *tx) CreateEmail(ctx context.Context, email domain.NewEmail) (created bool, err error) {
	variables, err := t.store.seal("variables", email.Tenant, email.ID, email.Variables)
	if err != nil {
		return false, err
	}
	addresses := email.Recipient.Emails
	if addresses == nil {
		addresses = []string{}
	}
	rows, err := t.queries.CreateEmail(ctx, db.CreateEmailParams{
		ProjectID:               email.ProjectID,
		BranchID:                email.BranchID,
		ID:                      email.ID,
		Source:                  email.Source,
		ThemeID:                 orNull(email.ThemeID),
		Variables:               variables,
		SkipDeliverabilityCheck: email.SkipDeliverabilityCheck,
		IsHighPriority:          email.HighPriority,
		RecipientType:           string(email.Recipient.Type),
		UserID:                  orNull(email.Recipient.UserID),
		RecipientEmails:         addresses,
		CreatedWith:             string(email.CreatedWith),
		TemplateID:              orNull(email.TemplateID),
	})
	if err != nil || rows == 0 {
		return false, err
	}
	return true, t.queries.NotifyWorkers(ctx)
}

func (t *tx) SaveRendered(ctx context.Context, claim app.Claim, rendered letter.Letter, category *domain.Category, unsubscribeURL string) error {
	sealed, err := t.store.seal("rendered", claim.Tenant, claim.ID, letterText{
		Subject: rendered.Subject, HTML: rendered.HTML, Text: rendered.Text, UnsubscribeURL: unsubscribeURL,
	})
	if err != nil {
		return err
	}
	params := db.SaveRenderedParams{
		ProjectID: claim.ProjectID, BranchID: claim.BranchID, ID: claim.ID, WorkerID: claim.WorkerID, Rendered: sealed,
	}
	if category != nil {
		params.CategoryID, params.IsTransactional = &category.ID, category.Name == "Transactional"
	}
	return held(t.queries.SaveRendered(ctx, params))
}

func (t *tx) SaveRenderError(ctx context.Context, claim app.Claim, report domain.ErrorReport) error {
	text, err := json.Marshal(report)
	if err != nil {
		return err
	}
	return held(t.queries.SaveRenderError(ctx, db.SaveRenderErrorParams{
		ProjectID: claim.ProjectID, BranchID: claim.BranchID, ID: claim.ID, WorkerID: claim.WorkerID, RenderError: text,
	}))
}

func (t *tx) LockTenant(ctx context.Context, tenant ids.Tenant) error {
	return t.queries.LockTenant(ctx, db.LockTenantParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID})
}

func (t *tx) BurstUsed(ctx context.Context, tenant ids.Tenant) (int, error) {
	used, err := t.queries.BurstUsed(ctx, db.BurstUsedParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID})
	return int(used), err
}

func (t *tx) ClaimForSending(ctx context.Context, tenant ids.Tenant, minPriority, limit int) ([]app.Mail, error) {
	rows, err := t.queries.ClaimForSending(ctx, db.ClaimForSendingParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, WorkerID: ids.NewUUID(), MinPriority: int32(minPriority), MaxRows: int32(limit),
	})
	if err != nil {
		return nil, err
	}
	mails := make([]app.Mail, 0, len(rows))
	for _, row := range rows {
		mails = append(mails, t.store.mail(row))
	}
	return mails, nil
}

func (s *Store) mail(row db.Email) app.Mail {
	tenant := ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID}
	mail := app.Mail{
		Claim: app.Claim{Tenant: tenant, ID: row.ID, WorkerID: text(row.SendWorkerID)},
		Recipient: domain.Recipient{
			Type: domain.RecipientType(row.RecipientType), UserID: text(row.UserID), Emails: row.RecipientEmails,
		},
		TemplateID:              text(row.TemplateID),
		CategoryID:              text(row.CategoryID),
		SkipDeliverabilityCheck: row.SkipDeliverabilityCheck,
		Retries:                 int(row.SendRetries),
	}
	var content letterText
	mail.Unreadable = s.open("rendered", tenant, row.ID, row.Rendered, &content)
	mail.Subject, mail.HTML, mail.Text, mail.UnsubscribeURL = content.Subject, content.HTML, content.Text, content.UnsubscribeURL
	if row.OverrideSubject != nil {
		mail.Subject = *row.OverrideSubject
	}
	return mail
}

func (t *tx) FinishSent(ctx context.Context, claim app.Claim) error {
	return held(t.queries.FinishSent(ctx, db.FinishSentParams{
		ProjectID: claim.ProjectID, BranchID: claim.BranchID, ID: claim.ID, WorkerID: claim.WorkerID,
	}))
}

func (t *tx) FinishFailed(ctx context.Context, claim app.Claim, attempt domain.AttemptError) error {
	entry, err := json.Marshal(attempt)
	if err != nil {
		return err
	}
	report, err := json.Marshal(attempt.ErrorReport)
	if err != nil {
		return err
	}
	return held(t.queries.FinishFailed(ctx, db.FinishFailedParams{
		ProjectID: claim.ProjectID, BranchID: claim.BranchID, ID: claim.ID, WorkerID: claim.WorkerID,
		Attempts: int32(attempt.AttemptNumber), ServerError: report, AttemptError: entry,
	}))
}

func (t *tx) RetryLater(ctx context.Context, claim app.Claim, attempt domain.AttemptError, wait time.Duration) error {
	entry, err := json.Marshal(attempt)
	if err != nil {
		return err
	}
	return held(t.queries.RetryLater(ctx, db.RetryLaterParams{
		ProjectID: claim.ProjectID, BranchID: claim.BranchID, ID: claim.ID, WorkerID: claim.WorkerID,
		Attempts: int32(attempt.AttemptNumber), AttemptError: entry, WaitSeconds: wait.Seconds(),
	}))
}

func (t *tx) Skip(ctx context.Context, claim app.Claim, reason domain.SkipReason, details map[string]any) error {
	text, err := json.Marshal(details)
	if err != nil {
		return err
	}
	return held(t.queries.SkipSending(ctx, db.SkipSendingParams{
		ProjectID: claim.ProjectID, BranchID: claim.BranchID, ID: claim.ID, WorkerID: claim.WorkerID,
		Reason: string(reason), Details: text,
	}))
}

func (t *tx) TerminateStuckSending(ctx context.Context, age time.Duration, report domain.ErrorReport) ([]app.Mail, error) {
	text, err := json.Marshal(report)
	if err != nil {
		return nil, err
	}
	rows, err := t.queries.TerminateStuckSending(ctx, db.TerminateStuckSendingParams{StuckSeconds: age.Seconds(), ServerError: text})
	if err != nil {
		return nil, err
	}
	mails := make([]app.Mail, 0, len(rows))
	for _, row := range rows {
		mails = append(mails, stuckMail(row))
	}
	return mails, nil
}

func stuckMail(row db.TerminateStuckSendingRow) app.Mail {
	return app.Mail{
		Claim:      app.Claim{Tenant: ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID}, ID: row.ID},
		Recipient:  domain.Recipient{UserID: text(row.UserID)},
		TemplateID: text(row.TemplateID),
		Retries:    int(row.SendRetries),
	}
}

func (t *tx) DeleteUser(ctx context.Context, tenant ids.Tenant, userID string) error {
	user := db.RecordRemovedUserParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID}
	return errors.Join(
		t.queries.RecordRemovedUser(ctx, user),
		t.queries.DeletePreferences(ctx, db.DeletePreferencesParams(user)),
		t.queries.DeleteUnsubscribeLinks(ctx, db.DeleteUnsubscribeLinksParams(user)),
	)
}

func (t *tx) PurgeProject(ctx context.Context, projectID string) error {
	for _, purge := range []func(context.Context, string) error{
		t.queries.RememberDeletedProject, t.purgeWebhooks,
		t.queries.PurgeMailings, t.queries.PurgeEmails, t.queries.PurgePreferences, t.queries.PurgeUnsubscribeLinks, t.queries.PurgeRemovedUsers,
		t.queries.PurgeCapacityBoosts, t.queries.PurgeRefusedAddresses, t.queries.PurgeDrafts,
	} {
		if err := purge(ctx, projectID); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) Emit(ctx context.Context, events ...app.Event) error {
	envelopes := make([]*eventsv1.Envelope, 0, len(events))
	for _, event := range events {
		envelope, err := t.store.encode(ctx, event)
		if err != nil {
			return err
		}
		envelopes = append(envelopes, envelope)
	}
	return outbox.Append(ctx, t.tx, envelopes...)
}
