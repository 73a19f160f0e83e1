package app

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/notifications/internal/domain"
)

const maxOutboxPage = 100

func unknownEmail() error { return apierr.Text(http.StatusNotFound, "There is no email with this id.") }

// ListOutboxEmails lists mails, newest first, and names the first one of the
// next page; empty at the end (notifications.md §6.2).
func (a *App) ListOutboxEmails(ctx context.Context, statuses []domain.Status, limit *string, cursor string) (page []OutboxEmail, next string, err error) {
	req, err := readRequest(ctx)
	if err != nil {
		return nil, "", err
	}
	size := maxOutboxPage
	if limit != nil {
		n, err := strconv.ParseFloat(strings.TrimSpace(*limit), 64)
		if err != nil || !(n >= 1 && n <= maxOutboxPage) {
			return nil, "", apierr.Text(http.StatusBadRequest, "The limit must be a number from 1 to 100.")
		}
		size = int(n)
	}
	return a.Store.OutboxEmails(ctx, req.tenant, OutboxFilter{Statuses: statuses, Cursor: strings.ToLower(cursor), Limit: size})
}

// GetOutboxEmail reads one mail (notifications.md §6.3).
func (a *App) GetOutboxEmail(ctx context.Context, id string) (*OutboxEmail, error) {
	req, err := readRequest(ctx)
	if err != nil {
		return nil, err
	}
	email, err := a.Store.OutboxEmail(ctx, req.tenant, id)
	if err == nil && email == nil {
		err = unknownEmail()
	}
	return email, err
}

// UpdateOutboxEmail changes, pauses or cancels a mail that is not being sent yet
// (notifications.md §6.4). It fails with EMAIL_NOT_EDITABLE.
func (a *App) UpdateOutboxEmail(ctx context.Context, id string, change EmailChange) (*OutboxEmail, error) {
	req, err := readRequest(ctx)
	if err != nil {
		return nil, err
	}
	var email *OutboxEmail
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		var changed bool
		var err error
		if change.Cancel {
			changed, err = tx.CancelEmail(ctx, req.tenant, id)
		} else {
			changed, err = tx.EditEmail(ctx, req.tenant, id, change)
		}
		if err != nil {
			return err
		}
		if email, err = a.Store.OutboxEmail(ctx, req.tenant, id); err != nil {
			return err
		}
		if email == nil {
			return unknownEmail()
		}
		if !changed {
			status, _ := email.Progress.Status()
			return apierr.EmailNotEditable(id, strings.ReplaceAll(strings.ToUpper(string(status)), "-", "_"))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return email, nil
}

// ListEmails lists the newest hundred mails, without what they say
// (notifications.md §6.10).
func (a *App) ListEmails(ctx context.Context) ([]OutboxEmail, error) {
	req, err := readRequest(ctx)
	if err != nil {
		return nil, err
	}
	var newest []OutboxEmail
	for next := ""; ; {
		var page []OutboxEmail
		page, next, err = a.Store.OutboxEmails(ctx, req.tenant, OutboxFilter{Cursor: next, Limit: maxOutboxPage - len(newest)})
		if err != nil {
			return nil, err
		}
		for _, email := range page {
			email.Source, email.HTML, email.Text = "", "", ""
			newest = append(newest, email)
		}
		if next == "" || len(newest) == maxOutboxPage {
			return newest, nil
		}
	}
}
