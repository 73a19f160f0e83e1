package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

// PreviewRequest names what to show: a template by id or source, in a theme by
// choice or source.
type PreviewRequest struct {
	TemplateID, TemplateSource *string
	Theme                      projectconfig.ThemeChoice
	ThemeSource                *string
}

// RenderEmail shows what a template and a theme look like with sample values
// (notifications.md §6.7). It fails with EMAIL_RENDERING_ERROR.
func (a *App) RenderEmail(ctx context.Context, ask PreviewRequest) (*letter.Letter, error) {
	_, config, err := a.configured(ctx)
	if err != nil {
		return nil, err
	}
	var frame, source string
	switch {
	case ask.ThemeSource != nil:
		frame = *ask.ThemeSource
	case ask.Theme.ID != "":
		theme, ok := findTheme(config, ask.Theme.ID)
		if !ok {
			return nil, apierr.Text(http.StatusBadRequest, "There is no email theme with this id.")
		}
		frame = theme.Source
	default:
		frame = chooseTheme(config, resolveTheme(config, ask.Theme))
	}
	if ask.TemplateSource != nil {
		source = *ask.TemplateSource
	} else {
		template, ok := findTemplate(config, *ask.TemplateID)
		if !ok {
			return nil, apierr.Text(http.StatusBadRequest, "There is no email template with this id.")
		}
		source = template.Source
	}
	preview, err := a.preview(ctx, config, source, frame)
	if err != nil {
		return nil, err
	}
	return &preview, nil
}
