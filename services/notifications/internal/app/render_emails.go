package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/domain/hxtemplate"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

const (
	renderBatch = 50
	// deferral is how long a mail waits after something it needs was away.
	deferral = 5 * time.Second
)

// RenderEmails renders the oldest mails that wait for it and returns how many
// it took. Each stands for itself: one that cannot be rendered stops no other.
func (a *App) RenderEmails(ctx context.Context) (int, error) {
	drafts, err := a.Store.ClaimForRendering(ctx, renderBatch)
	if err != nil {
		return 0, err
	}
	byTenant := map[ids.Tenant][]Draft{}
	for _, draft := range drafts {
		byTenant[draft.Tenant] = append(byTenant[draft.Tenant], draft)
	}
	for tenant, drafts := range byTenant {
		err = errors.Join(err, a.renderTenant(ctx, tenant, drafts))
	}
	return len(drafts), err
}

func (a *App) renderTenant(ctx context.Context, tenant ids.Tenant, drafts []Draft) error {
	config, contacts, err := a.inputs(ctx, tenant, drafts)
	if err != nil {
		for _, draft := range drafts {
			err = errors.Join(err, a.Store.ReleaseRendering(ctx, draft.Claim, deferral))
		}
		return fmt.Errorf("mails of project %s wait to be rendered: %w", tenant.ProjectID, err)
	}
	var errs error
	for _, draft := range drafts {
		if err := a.render(ctx, draft, config, contacts); err != nil && !errors.Is(err, domain.ErrClaimLost) {
			errs = errors.Join(errs, err)
		}
	}
	return errs
}

// inputs reads what the mails of one tenant are rendered with.
func (a *App) inputs(ctx context.Context, tenant ids.Tenant, drafts []Draft) (*projectconfig.Config, map[string]domain.Contact, error) {
	config, err := a.Configs.Get(ctx, tenant, 0)
	if err != nil {
		return nil, nil, err
	}
	var userIDs []string
	for _, draft := range drafts {
		if draft.UserID != "" {
			userIDs = append(userIDs, draft.UserID)
		}
	}
	if len(userIDs) == 0 {
		return config, nil, nil
	}
	contacts, err := a.Users.Contacts(ctx, tenant, userIDs)
	return config, contacts, err
}

func (a *App) render(ctx context.Context, draft Draft, config *projectconfig.Config, contacts map[string]domain.Contact) error {
	in := letter.Input{
		Source:             draft.Source,
		Raw:                draft.Raw,
		Theme:              chooseTheme(config, draft.ThemeID),
		ProjectDisplayName: config.DisplayName,
		Logos:              hxtemplate.Logos(config.Logos),
		Variables:          draft.Variables,
	}
	// A user who is gone is rendered for like an address without a user.
	recipient := ""
	if contact, ok := contacts[draft.UserID]; ok {
		in.UserDisplayName, recipient = contact.DisplayName, draft.UserID
	}
	rendered, category, link, err := a.renderLetter(ctx, draft, in, recipient)
	if ctx.Err() != nil {
		return ctx.Err() // the mail is released and rendered elsewhere
	}
	if err != nil {
		return a.failRendering(ctx, draft, err)
	}
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if link == nil {
			return tx.SaveRendered(ctx, draft.Claim, rendered, category, "")
		}
		if err := tx.LockUser(ctx, draft.Tenant, draft.UserID); err != nil {
			return err
		}
		if err := tx.CreateUnsubscribeLink(ctx, draft.Tenant, *link); err != nil {
			return err
		}
		return tx.SaveRendered(ctx, draft.Claim, rendered, category, link.URL)
	})
}

// renderLetter makes the letter. Its category decides whether it offers a way
// to unsubscribe, and may be known only after a first rendering. userID is empty
// for a recipient who is no user.
func (a *App) renderLetter(ctx context.Context, draft Draft, in letter.Input, userID string) (letter.Letter, *domain.Category, *domain.UnsubscribeLink, error) {
	if draft.Unreadable != nil {
		return letter.Letter{}, nil, nil, draft.Unreadable
	}
	ctx, cancel := context.WithTimeout(ctx, letter.MaxRenderTime)
	defer cancel()
	stop := func() bool { return ctx.Err() != nil }
	var category *domain.Category
	rendered, err := letter.Letter{}, error(nil)
	if draft.OverrideCategoryID != "" {
		if known, ok := domain.CategoryByID(draft.OverrideCategoryID); ok {
			category = &known
		}
	} else if rendered, err = letter.Render(stop, in); err != nil {
		return rendered, nil, nil, err
	} else if named, ok := domain.CategoryByName(rendered.Category); ok {
		category = &named
	}
	link := a.unsubscribeLink(userID, category)
	if draft.OverrideCategoryID != "" || link != nil {
		if link != nil {
			in.UnsubscribeLink = link.URL
		}
		rendered, err = letter.Render(stop, in)
	}
	return rendered, category, link, err
}

func (a *App) failRendering(ctx context.Context, draft Draft, cause error) error {
	message := "The mail could not be rendered."
	var authors *hxtemplate.Error
	if errors.As(cause, &authors) {
		message = authors.Error()
	}
	report := domain.ErrorReport{
		ExternalMessage: message, ExternalDetails: map[string]any{},
		InternalMessage: cause.Error(), InternalDetails: map[string]any{},
	}
	err := a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.SaveRenderError(ctx, draft.Claim, report); err != nil {
			return err
		}
		return tx.Emit(ctx, EmailFailed{Claim: draft.Claim, UserID: draft.UserID, TemplateID: draft.TemplateID, Stage: "render"})
	})
	if err == nil {
		a.Mails.Add(ctx, MailUnrendered, "")
	}
	return err
}

// chooseTheme returns the source of the theme a mail was queued with, of the
// project's selected one when that is gone, and of the default when that is
// gone too, so that deleting a theme breaks no mail.
func chooseTheme(config *projectconfig.Config, id string) string {
	if id == "" {
		return ""
	}
	for _, id := range []string{id, config.Emails.SelectedThemeID} {
		if own := config.Emails.Themes[id]; own.TSXSource != "" {
			return own.TSXSource
		}
		if builtIn, ok := letter.ThemeByID(id); ok {
			return builtIn.Source
		}
	}
	return letter.Themes[0].Source
}
