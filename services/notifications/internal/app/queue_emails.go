package app

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/domain/hxtemplate"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

const (
	// usersAtOnce is how many users are asked about, or written to, in one
	// step.
	usersAtOnce = 1000
	// userIDsAtOnce is how many users are listed in one step.
	userIDsAtOnce = 5000
	// maxResults is how many recipients an answer names.
	maxResults = 100_000
	// maxSubject is how many characters of a subject are kept.
	maxSubject = 500
)

// OutgoingEmail is a mail that a project's backend sends to its users. Exactly
// one of HTML, TemplateID and DraftID is set.
type OutgoingEmail struct {
	HTML       *string
	TemplateID *string
	// Variables are for the template.
	Variables map[string]any
	DraftID   *string

	// UserIDs may repeat; nil means that they were not given, which is not the
	// same as none.
	UserIDs  []string
	AllUsers bool

	// Subject is empty when the template decides.
	Subject string
	// CategoryName is nil when the template decides.
	CategoryName *string
	// Theme is nil when the draft or the project decides.
	Theme        *projectconfig.ThemeChoice
	HighPriority bool
	// ScheduledAt is nil for now.
	ScheduledAt *time.Time
}

// QueueEmails queues one mail for each recipient and returns them in the order
// in which they were named (notifications.md §6.1). Either all mails are queued
// or none. Those of more than a thousand recipients appear in the outbox one after
// the other; of all users of a project the first hundred thousand are returned.
//
// It fails with REQUIRES_CUSTOM_EMAIL_SERVER and USER_ID_DOES_NOT_EXIST.
func (a *App) QueueEmails(ctx context.Context, outgoing OutgoingEmail) ([]string, error) {
	req, err := readRequest(ctx)
	if err != nil {
		return nil, err
	}
	config, err := a.configuration(ctx, req)
	if err != nil {
		return nil, err
	}
	email, err := a.compose(ctx, req, config, outgoing)
	if err != nil {
		return nil, err
	}
	recipients, after, err := a.recipients(ctx, req, outgoing)
	if err != nil {
		return nil, err
	}
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if email.DraftID != "" {
			switch marked, err := tx.MarkDraftSent(ctx, req.tenant, email.DraftID); {
			case err != nil:
				return err
			case !marked:
				return unknownDraft()
			}
		}
		switch {
		case len(recipients) > usersAtOnce || after != "":
			return tx.CreateMailing(ctx, Mailing{ID: ids.NewUUID(), Email: email, UserIDs: recipients, After: after})
		case len(recipients) > 0:
			return tx.CreateUserEmails(ctx, email, recipients)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return recipients, nil
}

// compose checks what the mails have in common, in the order of the contract.
func (a *App) compose(ctx context.Context, req request, config *projectconfig.Config, outgoing OutgoingEmail) (domain.NewEmail, error) {
	email := domain.NewEmail{
		Tenant: req.tenant, Variables: outgoing.Variables, HighPriority: outgoing.HighPriority, ScheduledAt: outgoing.ScheduledAt,
		CreatedWith:     domain.FromProgrammaticCall,
		OverrideSubject: letter.Shorten(hxtemplate.SingleLine(outgoing.Subject), maxSubject),
	}
	if email.Variables == nil {
		email.Variables = map[string]any{}
	}
	if config.Emails.Server.IsShared {
		return email, apierr.RequiresCustomEmailServer()
	}
	if (outgoing.UserIDs != nil) == outgoing.AllUsers {
		return email, apierr.SchemaError("either user_ids or all_users must be given")
	}
	if outgoing.CategoryName != nil {
		category, ok := domain.CategoryByName(*outgoing.CategoryName)
		if !ok {
			return email, apierr.Text(http.StatusBadRequest, "There is no notification category of this name.")
		}
		email.OverrideCategoryID = category.ID
	}
	choice := projectconfig.ThemeChoice{}
	switch {
	case outgoing.HTML != nil:
		email.Source = *outgoing.HTML
	case outgoing.TemplateID != nil:
		template, ok := findTemplate(config, *outgoing.TemplateID)
		if !ok {
			return email, apierr.Text(http.StatusBadRequest, "There is no email template with this id.")
		}
		email.Source, email.TemplateID = template.Source, template.ID
	case outgoing.DraftID != nil:
		draft, err := a.findDraft(ctx, req, *outgoing.DraftID)
		if err != nil {
			return email, err
		}
		if draft == nil {
			return email, unknownDraft()
		}
		email.Source, email.DraftID, email.CreatedWith, choice = draft.Source, draft.ID, domain.FromDraft, draft.Theme
	}
	if outgoing.Theme != nil {
		choice = *outgoing.Theme
	}
	email.ThemeID = resolveTheme(config, choice)
	return email, nil
}

func unknownDraft() error {
	return apierr.Text(http.StatusBadRequest, "There is no email draft with this id.")
}

func (a *App) findDraft(ctx context.Context, req request, id string) (*EmailDraft, error) {
	if !ids.ValidUUID(id) {
		return nil, nil
	}
	return a.Store.EmailDraft(ctx, req.tenant, id)
}

// resolveTheme is the id of the theme that a choice means now; empty for none.
func resolveTheme(config *projectconfig.Config, choice projectconfig.ThemeChoice) string {
	switch {
	case choice.None:
		return ""
	case ids.ValidUUID(choice.ID):
		return strings.ToLower(choice.ID)
	case ids.ValidUUID(config.Emails.SelectedThemeID):
		return config.Emails.SelectedThemeID
	}
	return letter.DefaultThemeID
}

// recipients are the ids of the users who get the mail, each known to exist. When
// after is not empty, so do those who follow it.
func (a *App) recipients(ctx context.Context, req request, outgoing OutgoingEmail) (recipients []string, after string, err error) {
	if outgoing.AllUsers {
		return a.usersAfter(ctx, req.tenant, "", maxResults)
	}
	recipients = make([]string, 0, len(outgoing.UserIDs))
	for batch := range slices.Chunk(outgoing.UserIDs, usersAtOnce) {
		asked := make([]string, 0, len(batch))
		for _, id := range batch {
			if !ids.ValidUUID(id) {
				break // whoever comes behind is not the first to be missing
			}
			asked = append(asked, strings.ToLower(id))
		}
		contacts, err := a.Users.Contacts(ctx, req.tenant, asked)
		if err != nil {
			return nil, "", err
		}
		for _, id := range batch {
			userID := strings.ToLower(id)
			if _, ok := contacts[userID]; !ok {
				return nil, "", apierr.UserIDDoesNotExist(id)
			}
			recipients = append(recipients, userID)
		}
	}
	return recipients, "", nil
}

// usersAfter lists the users of a project who follow after, so many at most. The
// last one is returned again when more may follow.
func (a *App) usersAfter(ctx context.Context, tenant ids.Tenant, after string, most int) (userIDs []string, last string, err error) {
	for len(userIDs) < most {
		page, err := a.Users.UserIDs(ctx, tenant, after, min(userIDsAtOnce, most-len(userIDs)))
		if err != nil || len(page) == 0 {
			return userIDs, "", err
		}
		userIDs = append(userIDs, page...)
		after = page[len(page)-1]
	}
	return userIDs, after, nil
}
