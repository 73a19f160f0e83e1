package grpcapi

import (
	"context"
	"strings"

	notificationsv1 "vestibule.dev/proto/notifications/v1"
	"vestibule.dev/services/notifications/internal/app"
)

// Designs implements notificationsv1.EmailDesignServiceServer.
type Designs struct {
	notificationsv1.UnimplementedEmailDesignServiceServer
	app *app.App
}

// ListEmailTemplates implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) ListEmailTemplates(ctx context.Context, _ *notificationsv1.ListEmailTemplatesRequest) (*notificationsv1.ListEmailTemplatesResponse, error) {
	templates, err := s.app.ListEmailTemplates(ctx)
	if err != nil {
		return nil, err
	}
	res := &notificationsv1.ListEmailTemplatesResponse{}
	for _, template := range templates {
		res.Templates = append(res.Templates, &notificationsv1.EmailTemplate{
			Id: template.ID, DisplayName: template.DisplayName, TsxSource: template.Source, ThemeId: themeMessage(template.Theme),
		})
	}
	return res, nil
}

// CreateEmailTemplate implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) CreateEmailTemplate(ctx context.Context, req *notificationsv1.CreateEmailTemplateRequest) (*notificationsv1.CreateEmailTemplateResponse, error) {
	id, err := s.app.CreateEmailTemplate(ctx, req.GetDisplayName())
	if err != nil {
		return nil, err
	}
	return &notificationsv1.CreateEmailTemplateResponse{Id: id}, nil
}

// UpdateEmailTemplate implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) UpdateEmailTemplate(ctx context.Context, req *notificationsv1.UpdateEmailTemplateRequest) (*notificationsv1.UpdateEmailTemplateResponse, error) {
	theme, err := themeChoice(req.GetThemeId())
	if err != nil {
		return nil, err
	}
	html, err := s.app.UpdateEmailTemplate(ctx, req.GetTemplateId(), req.GetTsxSource(), theme)
	if err != nil {
		return nil, err
	}
	return &notificationsv1.UpdateEmailTemplateResponse{RenderedHtml: html}, nil
}

// DeleteEmailTemplate implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) DeleteEmailTemplate(ctx context.Context, req *notificationsv1.DeleteEmailTemplateRequest) (*notificationsv1.DeleteEmailTemplateResponse, error) {
	if err := s.app.DeleteEmailTemplate(ctx, req.GetTemplateId()); err != nil {
		return nil, err
	}
	return &notificationsv1.DeleteEmailTemplateResponse{}, nil
}

// ListEmailThemes implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) ListEmailThemes(ctx context.Context, _ *notificationsv1.ListEmailThemesRequest) (*notificationsv1.ListEmailThemesResponse, error) {
	themes, err := s.app.ListEmailThemes(ctx)
	if err != nil {
		return nil, err
	}
	res := &notificationsv1.ListEmailThemesResponse{}
	for _, theme := range themes {
		res.Themes = append(res.Themes, &notificationsv1.EmailThemeTitle{Id: theme.ID, DisplayName: theme.DisplayName})
	}
	return res, nil
}

// CreateEmailTheme implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) CreateEmailTheme(ctx context.Context, req *notificationsv1.CreateEmailThemeRequest) (*notificationsv1.CreateEmailThemeResponse, error) {
	id, err := s.app.CreateEmailTheme(ctx, req.GetDisplayName())
	if err != nil {
		return nil, err
	}
	return &notificationsv1.CreateEmailThemeResponse{Id: id}, nil
}

// GetEmailTheme implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) GetEmailTheme(ctx context.Context, req *notificationsv1.GetEmailThemeRequest) (*notificationsv1.EmailTheme, error) {
	theme, err := s.app.GetEmailTheme(ctx, req.GetThemeId())
	if err != nil {
		return nil, err
	}
	return &notificationsv1.EmailTheme{Id: theme.ID, DisplayName: theme.DisplayName, TsxSource: theme.Source}, nil
}

// UpdateEmailTheme implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) UpdateEmailTheme(ctx context.Context, req *notificationsv1.UpdateEmailThemeRequest) (*notificationsv1.UpdateEmailThemeResponse, error) {
	theme, err := s.app.UpdateEmailTheme(ctx, req.GetThemeId(), req.GetTsxSource())
	if err != nil {
		return nil, err
	}
	return &notificationsv1.UpdateEmailThemeResponse{DisplayName: theme.DisplayName}, nil
}

// DeleteEmailTheme implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) DeleteEmailTheme(ctx context.Context, req *notificationsv1.DeleteEmailThemeRequest) (*notificationsv1.DeleteEmailThemeResponse, error) {
	if err := s.app.DeleteEmailTheme(ctx, req.GetThemeId()); err != nil {
		return nil, err
	}
	return &notificationsv1.DeleteEmailThemeResponse{}, nil
}

// ListEmailDrafts implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) ListEmailDrafts(ctx context.Context, _ *notificationsv1.ListEmailDraftsRequest) (*notificationsv1.ListEmailDraftsResponse, error) {
	drafts, err := s.app.ListEmailDrafts(ctx)
	if err != nil {
		return nil, err
	}
	res := &notificationsv1.ListEmailDraftsResponse{}
	for _, draft := range drafts {
		res.Drafts = append(res.Drafts, draftMessage(draft))
	}
	return res, nil
}

func draftMessage(draft app.EmailDraft) *notificationsv1.EmailDraft {
	return &notificationsv1.EmailDraft{
		Id: draft.ID, DisplayName: draft.DisplayName, TsxSource: draft.Source, ThemeId: themeMessage(draft.Theme), SentAtMillis: millisOrNull(draft.SentAt),
	}
}

// CreateEmailDraft implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) CreateEmailDraft(ctx context.Context, req *notificationsv1.CreateEmailDraftRequest) (*notificationsv1.CreateEmailDraftResponse, error) {
	theme, err := themeChoice(req.GetThemeId())
	if err != nil {
		return nil, err
	}
	id, err := s.app.CreateEmailDraft(ctx, app.EmailDraft{DisplayName: req.GetDisplayName(), Source: req.GetTsxSource(), Theme: chosen(theme)})
	if err != nil {
		return nil, err
	}
	return &notificationsv1.CreateEmailDraftResponse{Id: id}, nil
}

// GetEmailDraft implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) GetEmailDraft(ctx context.Context, req *notificationsv1.GetEmailDraftRequest) (*notificationsv1.EmailDraft, error) {
	draft, err := s.app.GetEmailDraft(ctx, strings.ToLower(req.GetDraftId()))
	if err != nil {
		return nil, err
	}
	return draftMessage(*draft), nil
}

// UpdateEmailDraft implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) UpdateEmailDraft(ctx context.Context, req *notificationsv1.UpdateEmailDraftRequest) (*notificationsv1.UpdateEmailDraftResponse, error) {
	theme, err := themeChoice(req.GetThemeId())
	if err != nil {
		return nil, err
	}
	change := app.DraftChange{DisplayName: req.DisplayName, Source: req.TsxSource, Theme: chosen(theme)}
	if err := s.app.UpdateEmailDraft(ctx, strings.ToLower(req.GetDraftId()), change); err != nil {
		return nil, err
	}
	return &notificationsv1.UpdateEmailDraftResponse{Ok: "ok"}, nil
}

// DeleteEmailDraft implements notificationsv1.EmailDesignServiceServer.
func (s *Designs) DeleteEmailDraft(ctx context.Context, req *notificationsv1.DeleteEmailDraftRequest) (*notificationsv1.DeleteEmailDraftResponse, error) {
	if err := s.app.DeleteEmailDraft(ctx, strings.ToLower(req.GetDraftId())); err != nil {
		return nil, err
	}
	return &notificationsv1.DeleteEmailDraftResponse{Ok: "ok"}, nil
}
