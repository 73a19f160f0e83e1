package app

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/notifications/internal/domain/hxtemplate"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

// EmailTemplate is the content of one kind of mail as a project has it.
type EmailTemplate struct {
	ID          string
	DisplayName string
	Source      string
	Theme       projectconfig.ThemeChoice
}

// findTemplate returns a template as the project has it. Projects on the shared
// server cannot change what the built-in ones say and have none of their own.
func findTemplate(config *projectconfig.Config, id string) (EmailTemplate, bool) {
	id = strings.ToLower(id)
	builtIn, exists := letter.TemplateByID(id)
	written, overridden := config.Emails.Templates[id]
	overridden = overridden && !config.Emails.Server.IsShared
	if !exists && !overridden {
		return EmailTemplate{}, false
	}
	template := EmailTemplate{ID: id, Theme: written.Theme}
	if exists {
		template.DisplayName, template.Source = builtIn.DisplayName, builtIn.Source
	}
	if overridden {
		template.DisplayName = cmp.Or(written.DisplayName, template.DisplayName)
		template.Source = cmp.Or(written.TSXSource, template.Source)
	}
	return template, true
}

func templateKey(id string) string { return "emails.templates." + id }

func unknownTemplate() error {
	return apierr.Text(http.StatusNotFound, "There is no email template with this id.")
}

// ListEmailTemplates lists the built-in templates and then the project's own by
// name (notifications.md §6.10).
func (a *App) ListEmailTemplates(ctx context.Context) ([]EmailTemplate, error) {
	_, config, err := a.configured(ctx)
	if err != nil {
		return nil, err
	}
	var own, templates []EmailTemplate
	for i := range letter.Templates {
		template, _ := findTemplate(config, letter.Templates[i].ID)
		templates = append(templates, template)
	}
	for id := range config.Emails.Templates {
		if _, builtIn := letter.TemplateByID(id); builtIn {
			continue
		}
		if template, ok := findTemplate(config, id); ok {
			own = append(own, template)
		}
	}
	slices.SortFunc(own, func(a, b EmailTemplate) int {
		return cmp.Or(cmp.Compare(a.DisplayName, b.DisplayName), cmp.Compare(a.ID, b.ID))
	})
	return append(templates, own...), nil
}

// CreateEmailTemplate makes a template with a source to start from. It fails
// with REQUIRES_CUSTOM_EMAIL_SERVER.
func (a *App) CreateEmailTemplate(ctx context.Context, displayName string) (id string, err error) {
	req, err := a.ownDesign(ctx)
	if err != nil {
		return "", err
	}
	id = ids.NewUUID()
	_, err = a.Writer.ChangeConfig(ctx, req.tenant, ConfigChange{Set: map[string]any{
		templateKey(id): map[string]any{"displayName": displayName, "tsxSource": letter.StarterTemplate},
	}})
	return id, err
}

// UpdateEmailTemplate keeps a source that renders and sets a subject and a
// category, and returns what it looks like. A nil theme stays as it is. It fails
// with REQUIRES_CUSTOM_EMAIL_SERVER and EMAIL_RENDERING_ERROR.
func (a *App) UpdateEmailTemplate(ctx context.Context, id, source string, theme *projectconfig.ThemeChoice) (renderedHTML string, err error) {
	req, err := a.ownDesign(ctx)
	if err != nil {
		return "", err
	}
	id = strings.ToLower(id)
	config, err := a.configuration(ctx, req)
	if err != nil {
		return "", err
	}
	if _, ok := findTemplate(config, id); !ok {
		return "", unknownTemplate()
	}
	preview, err := a.preview(ctx, config, source, chooseTheme(config, resolveTheme(config, projectconfig.ThemeChoice{})))
	switch {
	case err != nil:
		return "", err
	case preview.Subject == "":
		return "", apierr.EmailRenderingError("the template must set a subject")
	case preview.Category == "":
		return "", apierr.EmailRenderingError("the template must set a category: Transactional or Marketing")
	}
	change := ConfigChange{Set: map[string]any{templateKey(id) + ".tsxSource": source}, Required: []string{templateKey(id)}}
	if theme != nil {
		change.Set[templateKey(id)+".themeId"] = themeValue(*theme)
	}
	switch changed, err := a.Writer.ChangeConfig(ctx, req.tenant, change); {
	case err != nil:
		return "", err
	case !changed:
		return "", unknownTemplate()
	}
	return preview.HTML, nil
}

// DeleteEmailTemplate deletes a template of the project's own, or gives a
// built-in one back. It fails with REQUIRES_CUSTOM_EMAIL_SERVER.
func (a *App) DeleteEmailTemplate(ctx context.Context, id string) error {
	req, err := a.ownDesign(ctx)
	if err != nil {
		return err
	}
	key := templateKey(strings.ToLower(id))
	changed, err := a.Writer.ChangeConfig(ctx, req.tenant, ConfigChange{Reset: []string{key}, Required: []string{key}})
	if err == nil && !changed {
		err = unknownTemplate()
	}
	return err
}

// configured tells who is calling and how their project is configured.
func (a *App) configured(ctx context.Context) (request, *projectconfig.Config, error) {
	req, err := readRequest(ctx)
	if err != nil {
		return request{}, nil, err
	}
	config, err := a.configuration(ctx, req)
	return req, config, err
}

// ownDesign refuses projects on the shared server.
func (a *App) ownDesign(ctx context.Context) (request, error) {
	req, config, err := a.configured(ctx)
	if err == nil && config.Emails.Server.IsShared {
		err = apierr.RequiresCustomEmailServer()
	}
	return req, err
}

// themeValue is a choice as the configuration has it.
func themeValue(choice projectconfig.ThemeChoice) any {
	switch {
	case choice.None:
		return false
	case choice.ID != "":
		return strings.ToLower(choice.ID)
	}
	return nil
}

// preview shows a template with its sample values.
func (a *App) preview(ctx context.Context, config *projectconfig.Config, source, theme string) (letter.Letter, error) {
	ctx, cancel := context.WithTimeout(ctx, letter.MaxRenderTime)
	defer cancel()
	preview, err := letter.Preview(func() bool { return ctx.Err() != nil }, letter.Input{
		Source: source, Theme: theme, ProjectDisplayName: config.DisplayName, Logos: hxtemplate.Logos(config.Logos),
	})
	var authors *hxtemplate.Error
	if errors.As(err, &authors) {
		return preview, apierr.EmailRenderingError(authors.Error())
	}
	return preview, err
}
