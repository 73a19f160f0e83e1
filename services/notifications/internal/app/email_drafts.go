package app

import (
	"cmp"
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

func draftNotFound() error {
	return apierr.Text(http.StatusNotFound, "There is no email draft with this id.")
}

func draftsTooLarge() error {
	return apierr.Text(http.StatusBadRequest, "The drafts of this project are too large together. Delete some first.")
}

// ListEmailDrafts lists drafts, last changed first (notifications.md §6.10).
func (a *App) ListEmailDrafts(ctx context.Context) ([]EmailDraft, error) {
	req, err := readRequest(ctx)
	if err != nil {
		return nil, err
	}
	return a.Store.EmailDrafts(ctx, req.tenant)
}

// CreateEmailDraft makes a draft; an empty source is replaced by one to start
// from. Sources of drafts are checked when they are shown or sent.
func (a *App) CreateEmailDraft(ctx context.Context, draft EmailDraft) (id string, err error) {
	req, err := readRequest(ctx)
	if err != nil {
		return "", err
	}
	draft.ID, draft.Source = ids.NewUUID(), cmp.Or(draft.Source, letter.StarterDraft)
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		created, err := tx.CreateDraft(ctx, req.tenant, draft)
		if err == nil && !created {
			err = draftsTooLarge()
		}
		return err
	})
	return draft.ID, err
}

// GetEmailDraft reads one draft.
func (a *App) GetEmailDraft(ctx context.Context, id string) (*EmailDraft, error) {
	req, err := readRequest(ctx)
	if err != nil {
		return nil, err
	}
	draft, err := a.Store.EmailDraft(ctx, req.tenant, id)
	if err == nil && draft == nil {
		err = draftNotFound()
	}
	return draft, err
}

// UpdateEmailDraft changes a draft. Its theme is always replaced.
func (a *App) UpdateEmailDraft(ctx context.Context, id string, change DraftChange) error {
	req, err := readRequest(ctx)
	if err != nil {
		return err
	}
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		switch changed, err := tx.UpdateDraft(ctx, req.tenant, id, change); {
		case err != nil:
			return err
		case !changed:
			return draftNotFound()
		}
		fit, err := tx.DraftsFit(ctx, req.tenant)
		if err == nil && !fit {
			err = draftsTooLarge()
		}
		return err
	})
}

// DeleteEmailDraft deletes a draft; mails sent from it stay.
func (a *App) DeleteEmailDraft(ctx context.Context, id string) error {
	req, err := readRequest(ctx)
	if err != nil {
		return err
	}
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		deleted, err := tx.DeleteDraft(ctx, req.tenant, id)
		if err == nil && !deleted {
			err = draftNotFound()
		}
		return err
	})
}
