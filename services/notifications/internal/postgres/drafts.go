package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/postgres/db"
)

// maxDraftBytes is how much all drafts of a branch hold together: the list of
// them must fit into one message.
const maxDraftBytes = 8 << 20

// The ways in which a draft names its theme.
const (
	themeOfProject = "project"
	themeNone      = "none"
	themeChosen    = "chosen"
)

// EmailDraft implements app.OutboxStore.
func (s *Store) EmailDraft(ctx context.Context, tenant ids.Tenant, id string) (*app.EmailDraft, error) {
	row, err := s.queries(ctx).Draft(ctx, db.DraftParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	draft := emailDraft(row)
	return &draft, nil
}

// EmailDrafts implements app.OutboxStore.
func (s *Store) EmailDrafts(ctx context.Context, tenant ids.Tenant) ([]app.EmailDraft, error) {
	rows, err := s.queries(ctx).Drafts(ctx, db.DraftsParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID})
	drafts := make([]app.EmailDraft, 0, len(rows))
	for _, row := range rows {
		drafts = append(drafts, emailDraft(row))
	}
	return drafts, err
}

func emailDraft(row db.EmailDraft) app.EmailDraft {
	return app.EmailDraft{
		ID: row.ID, DisplayName: row.DisplayName, Source: row.Source,
		Theme: projectconfig.ThemeChoice{None: row.ThemeMode == themeNone, ID: text(row.ThemeID)}, SentAt: row.SentAt,
	}
}

func themeColumns(choice projectconfig.ThemeChoice) (mode string, id *string) {
	switch {
	case choice.None:
		return themeNone, nil
	case choice.ID != "":
		return themeChosen, &choice.ID
	}
	return themeOfProject, nil
}

func (t *tx) CreateDraft(ctx context.Context, tenant ids.Tenant, draft app.EmailDraft) (bool, error) {
	mode, themeID := themeColumns(draft.Theme)
	rows, err := t.queries.CreateDraft(ctx, db.CreateDraftParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: draft.ID, DisplayName: draft.DisplayName, Source: draft.Source,
		ThemeMode: mode, ThemeID: themeID, MaxBytes: maxDraftBytes,
	})
	return rows > 0, err
}

func (t *tx) DraftsFit(ctx context.Context, tenant ids.Tenant) (bool, error) {
	bytes, err := t.queries.DraftBytes(ctx, db.DraftBytesParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID})
	return bytes <= maxDraftBytes, err
}

func (t *tx) UpdateDraft(ctx context.Context, tenant ids.Tenant, id string, change app.DraftChange) (bool, error) {
	mode, themeID := themeColumns(change.Theme)
	rows, err := t.queries.UpdateDraft(ctx, db.UpdateDraftParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: id, DisplayName: change.DisplayName, Source: change.Source,
		ThemeMode: mode, ThemeID: themeID,
	})
	return rows > 0, err
}

func (t *tx) MarkDraftSent(ctx context.Context, tenant ids.Tenant, id string) (bool, error) {
	rows, err := t.queries.MarkDraftSent(ctx, db.MarkDraftSentParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: id})
	return rows > 0, err
}

func (t *tx) DeleteDraft(ctx context.Context, tenant ids.Tenant, id string) (bool, error) {
	rows, err := t.queries.DeleteDraft(ctx, db.DeleteDraftParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: id})
	return rows > 0, err
}
