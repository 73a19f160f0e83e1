package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pbpatch"
	"vestibule.dev/pkg/principal"
	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// Projects implements identityv1.ProjectServiceServer.
type Projects struct {
	identityv1.UnimplementedProjectServiceServer
	app *app.App
}

// GetCurrentProject implements identityv1.ProjectServiceServer.
func (s *Projects) GetCurrentProject(ctx context.Context, _ *identityv1.GetCurrentProjectRequest) (*identityv1.Project, error) {
	project, err := s.app.GetCurrentProject(ctx)
	if err != nil {
		return nil, err
	}
	return clientProject(project), nil
}

// ListOwnProjects implements identityv1.ProjectServiceServer.
func (s *Projects) ListOwnProjects(ctx context.Context, _ *identityv1.ListOwnProjectsRequest) (*identityv1.ListOwnProjectsResponse, error) {
	projects, err := s.app.ListOwnProjects(ctx)
	if err != nil {
		return nil, err
	}
	res := &identityv1.ListOwnProjectsResponse{Items: make([]*identityv1.AdminProject, 0, len(projects))}
	for i := range projects {
		item, err := adminProject(&projects[i])
		if err != nil {
			return nil, err
		}
		res.Items = append(res.Items, item)
	}
	return res, nil
}

// CreateProject implements identityv1.ProjectServiceServer.
func (s *Projects) CreateProject(ctx context.Context, req *identityv1.CreateProjectRequest) (*identityv1.AdminProject, error) {
	fields := app.ProjectPatch{
		DisplayName:      patch.Value(req.GetDisplayName()),
		Description:      patch.Value(req.GetDescription().GetValue()),
		IsProductionMode: patch.Value(req.GetIsProductionMode()),
		Config:           req.GetConfig().AsMap(),
	}
	for kind, logo := range [domain.LogoKinds]*wrapperspb.StringValue{
		domain.Logo:             req.GetLogoUrl(),
		domain.FullLogo:         req.GetLogoFullUrl(),
		domain.DarkModeLogo:     req.GetLogoDarkModeUrl(),
		domain.FullDarkModeLogo: req.GetLogoFullDarkModeUrl(),
	} {
		if logo != nil {
			fields.Logos[kind] = patch.Value(logo.GetValue())
		}
	}
	if req.OnboardingStatus != nil {
		fields.OnboardingStatus = patch.Value(req.GetOnboardingStatus())
	}
	project, err := s.app.CreateProject(ctx, req.GetOwnerTeamId(), fields)
	if err != nil {
		return nil, err
	}
	return adminProject(project)
}

// TransferProject implements identityv1.ProjectServiceServer.
func (s *Projects) TransferProject(ctx context.Context, req *identityv1.TransferProjectRequest) (*identityv1.TransferProjectResponse, error) {
	if err := s.app.TransferProject(ctx, storedID(req.GetProjectId()), storedID(req.GetNewTeamId())); err != nil {
		return nil, err
	}
	return &identityv1.TransferProjectResponse{Success: "true"}, nil
}

// GetAdminProject implements identityv1.ProjectServiceServer.
func (s *Projects) GetAdminProject(ctx context.Context, _ *identityv1.GetAdminProjectRequest) (*identityv1.AdminProject, error) {
	project, err := s.app.GetAdminProject(ctx)
	if err != nil {
		return nil, err
	}
	return adminProject(project)
}

// UpdateProject implements identityv1.ProjectServiceServer.
func (s *Projects) UpdateProject(ctx context.Context, req *identityv1.UpdateProjectRequest) (*identityv1.AdminProject, error) {
	fields, err := projectPatch(req, access(ctx))
	if err != nil {
		return nil, err
	}
	project, err := s.app.UpdateProject(ctx, fields)
	if err != nil {
		return nil, err
	}
	projectChanged(ctx)
	return adminProject(project)
}

// DeleteProject implements identityv1.ProjectServiceServer.
func (s *Projects) DeleteProject(ctx context.Context, _ *identityv1.DeleteProjectRequest) (*typesv1.Success, error) {
	if err := s.app.DeleteProject(ctx); err != nil {
		return nil, err
	}
	projectChanged(ctx)
	return success(), nil
}

// projectPatch reads the body of a PATCH of a project.
func projectPatch(req *identityv1.UpdateProjectRequest, access principal.Access) (app.ProjectPatch, error) {
	body := req.GetProject()
	present, err := pbpatch.New(req.GetUpdateMask(), body, access)
	if err != nil {
		return app.ProjectPatch{}, err
	}
	fields := app.ProjectPatch{
		Description: present.Text("description", body.GetDescription()),
		Logos: [domain.LogoKinds]patch.Field[string]{
			domain.Logo:             present.Text("logo_url", body.GetLogoUrl()),
			domain.FullLogo:         present.Text("logo_full_url", body.GetLogoFullUrl()),
			domain.DarkModeLogo:     present.Text("logo_dark_mode_url", body.GetLogoDarkModeUrl()),
			domain.FullDarkModeLogo: present.Text("logo_full_dark_mode_url", body.GetLogoFullDarkModeUrl()),
		},
		IsProductionMode: present.Flag("is_production_mode", body.IsProductionMode),
		DisplayName:      present.Word("display_name", body.DisplayName),
		OnboardingStatus: present.Word("onboarding_status", body.OnboardingStatus),
	}
	if present["config"] {
		fields.Config = body.GetConfig().AsMap()
	}
	return fields, nil
}

// projectChanged makes the gateway forget the project before it answers, so
// that the caller's next request sees the change.
func projectChanged(ctx context.Context) {
	caller, _ := principal.FromContext(ctx)
	grpcx.SetHeader(ctx, grpcx.HeaderProjectChanged, caller.ProjectID)
}
