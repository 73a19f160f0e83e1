package app

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

// EmailTheme is the frame around the content of mails.
type EmailTheme struct {
	ID          string
	DisplayName string
	Source      string
}

// findTheme returns a theme as the project has it.
func findTheme(config *projectconfig.Config, id string) (EmailTheme, bool) {
	id = strings.ToLower(id)
	builtIn, exists := letter.ThemeByID(id)
	written, overridden := config.Emails.Themes[id]
	if !exists && !overridden {
		return EmailTheme{}, false
	}
	theme := EmailTheme{ID: id, DisplayName: written.DisplayName, Source: written.TSXSource}
	if exists {
		theme.DisplayName, theme.Source = cmp.Or(theme.DisplayName, builtIn.DisplayName), cmp.Or(theme.Source, builtIn.Source)
	}
	return theme, true
}

func themeKey(id string) string { return "emails.themes." + id }

func unknownTheme() error {
	return apierr.Text(http.StatusNotFound, "There is no email theme with this id.")
}

// ListEmailThemes lists the built-in themes and then the project's own by name
// (notifications.md §6.10).
func (a *App) ListEmailThemes(ctx context.Context) ([]EmailTheme, error) {
	_, config, err := a.configured(ctx)
	if err != nil {
		return nil, err
	}
	var own, themes []EmailTheme
	for i := range letter.Themes {
		theme, _ := findTheme(config, letter.Themes[i].ID)
		themes = append(themes, theme)
	}
	for id := range config.Emails.Themes {
		if _, builtIn := letter.ThemeByID(id); builtIn {
			continue
		}
		if theme, ok := findTheme(config, id); ok {
			own = append(own, theme)
		}
	}
	slices.SortFunc(own, func(a, b EmailTheme) int {
		return cmp.Or(cmp.Compare(a.DisplayName, b.DisplayName), cmp.Compare(a.ID, b.ID))
	})
	return append(themes, own...), nil
}

// CreateEmailTheme makes a copy of the default theme.
func (a *App) CreateEmailTheme(ctx context.Context, displayName string) (id string, err error) {
	req, err := readRequest(ctx)
	if err != nil {
		return "", err
	}
	id = ids.NewUUID()
	_, err = a.Writer.ChangeConfig(ctx, req.tenant, ConfigChange{Set: map[string]any{
		themeKey(id): map[string]any{"displayName": displayName, "tsxSource": letter.Themes[0].Source},
	}})
	return id, err
}

// GetEmailTheme reads one theme.
func (a *App) GetEmailTheme(ctx context.Context, id string) (*EmailTheme, error) {
	_, config, err := a.configured(ctx)
	if err != nil {
		return nil, err
	}
	theme, ok := findTheme(config, id)
	if !ok {
		return nil, unknownTheme()
	}
	return &theme, nil
}

// UpdateEmailTheme keeps a source that renders. It fails with
// EMAIL_RENDERING_ERROR.
func (a *App) UpdateEmailTheme(ctx context.Context, id, source string) (*EmailTheme, error) {
	req, config, err := a.configured(ctx)
	if err != nil {
		return nil, err
	}
	theme, ok := findTheme(config, id)
	if !ok {
		return nil, unknownTheme()
	}
	if strings.TrimSpace(source) == "" {
		return nil, apierr.EmailRenderingError("the theme is empty")
	}
	if _, err := a.preview(ctx, config, letter.SampleMail, source); err != nil {
		return nil, err
	}
	key := themeKey(theme.ID)
	changed, err := a.Writer.ChangeConfig(ctx, req.tenant, ConfigChange{Set: map[string]any{key + ".tsxSource": source}, Required: []string{key}})
	switch {
	case err != nil:
		return nil, err
	case !changed:
		return nil, unknownTheme()
	}
	theme.Source = source
	return &theme, nil
}

// DeleteEmailTheme deletes a theme of the project's own, or gives a built-in one
// back. The selected theme stays.
func (a *App) DeleteEmailTheme(ctx context.Context, id string) error {
	req, config, err := a.configured(ctx)
	if err != nil {
		return err
	}
	id = strings.ToLower(id)
	if _, ok := findTheme(config, id); !ok {
		return unknownTheme()
	}
	if config.Emails.SelectedThemeID == id {
		return apierr.Text(http.StatusBadRequest, "The selected theme cannot be deleted. Select another one first.")
	}
	changed, err := a.Writer.ChangeConfig(ctx, req.tenant, ConfigChange{Reset: []string{themeKey(id)}, Required: []string{themeKey(id)}})
	if err == nil && !changed {
		err = unknownTheme()
	}
	return err
}
