package grpcapi

import (
	"context"

	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/principal"
	teamsv1 "vestibule.dev/proto/teams/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
)

// PermissionDefinitions implements teamsv1.PermissionDefinitionServiceServer.
type PermissionDefinitions struct {
	teamsv1.UnimplementedPermissionDefinitionServiceServer
	app *app.App
}

// ListTeamPermissionDefinitions implements
// teamsv1.PermissionDefinitionServiceServer.
func (s *PermissionDefinitions) ListTeamPermissionDefinitions(ctx context.Context, req *teamsv1.ListTeamPermissionDefinitionsRequest) (*teamsv1.ListTeamPermissionDefinitionsResponse, error) {
	items, pagination, err := s.list(ctx, domain.TeamScope, req)
	return &teamsv1.ListTeamPermissionDefinitionsResponse{Items: items, IsPaginated: pagination != nil, Pagination: pagination}, err
}

// CreateTeamPermissionDefinition implements
// teamsv1.PermissionDefinitionServiceServer.
func (s *PermissionDefinitions) CreateTeamPermissionDefinition(ctx context.Context, req *teamsv1.CreateTeamPermissionDefinitionRequest) (*teamsv1.PermissionDefinition, error) {
	return defined(ctx)(s.app.CreatePermissionDefinition(ctx, domain.Definition{
		ID: req.GetId(), Description: req.Description, Scope: domain.TeamScope, Contains: req.GetContainedPermissionIds(),
	}))
}

// UpdateTeamPermissionDefinition implements
// teamsv1.PermissionDefinitionServiceServer.
func (s *PermissionDefinitions) UpdateTeamPermissionDefinition(ctx context.Context, req *teamsv1.UpdateTeamPermissionDefinitionRequest) (*teamsv1.PermissionDefinition, error) {
	return defined(ctx)(s.app.UpdatePermissionDefinition(ctx, req.GetPermissionId(), update(domain.TeamScope, req)))
}

// DeleteTeamPermissionDefinition implements
// teamsv1.PermissionDefinitionServiceServer.
func (s *PermissionDefinitions) DeleteTeamPermissionDefinition(ctx context.Context, req *teamsv1.DeleteTeamPermissionDefinitionRequest) (*typesv1.Success, error) {
	return s.delete(ctx, domain.TeamScope, req.GetPermissionId())
}

// ListProjectPermissionDefinitions implements
// teamsv1.PermissionDefinitionServiceServer.
func (s *PermissionDefinitions) ListProjectPermissionDefinitions(ctx context.Context, req *teamsv1.ListProjectPermissionDefinitionsRequest) (*teamsv1.ListProjectPermissionDefinitionsResponse, error) {
	items, pagination, err := s.list(ctx, domain.ProjectScope, req)
	return &teamsv1.ListProjectPermissionDefinitionsResponse{Items: items, IsPaginated: pagination != nil, Pagination: pagination}, err
}

// CreateProjectPermissionDefinition implements
// teamsv1.PermissionDefinitionServiceServer.
func (s *PermissionDefinitions) CreateProjectPermissionDefinition(ctx context.Context, req *teamsv1.CreateProjectPermissionDefinitionRequest) (*teamsv1.PermissionDefinition, error) {
	return defined(ctx)(s.app.CreatePermissionDefinition(ctx, domain.Definition{
		ID: req.GetId(), Description: req.Description, Scope: domain.ProjectScope, Contains: req.GetContainedPermissionIds(),
	}))
}

// UpdateProjectPermissionDefinition implements
// teamsv1.PermissionDefinitionServiceServer.
func (s *PermissionDefinitions) UpdateProjectPermissionDefinition(ctx context.Context, req *teamsv1.UpdateProjectPermissionDefinitionRequest) (*teamsv1.PermissionDefinition, error) {
	return defined(ctx)(s.app.UpdatePermissionDefinition(ctx, req.GetPermissionId(), update(domain.ProjectScope, req)))
}

// DeleteProjectPermissionDefinition implements
// teamsv1.PermissionDefinitionServiceServer.
func (s *PermissionDefinitions) DeleteProjectPermissionDefinition(ctx context.Context, req *teamsv1.DeleteProjectPermissionDefinitionRequest) (*typesv1.Success, error) {
	return s.delete(ctx, domain.ProjectScope, req.GetPermissionId())
}

// list reads a list request of either scope. The pagination is nil for all
// definitions.
func (s *PermissionDefinitions) list(ctx context.Context, scope domain.Scope, req interface {
	GetLimit() int32
	GetCursor() string
	GetQuery() string
}) ([]*teamsv1.PermissionDefinition, *typesv1.Pagination, error) {
	page, err := s.app.ListPermissionDefinitions(ctx, app.DefinitionFilter{
		Scope: scope, Query: req.GetQuery(), Cursor: req.GetCursor(), Limit: int(req.GetLimit()),
	})
	if err != nil {
		return nil, nil, err
	}
	items := make([]*teamsv1.PermissionDefinition, 0, len(page.Definitions))
	for i := range page.Definitions {
		items = append(items, definitionMessage(&page.Definitions[i]))
	}
	if !page.Paginated {
		return items, nil, nil
	}
	return items, &typesv1.Pagination{NextCursor: text(page.NextCursor)}, nil
}

func (s *PermissionDefinitions) delete(ctx context.Context, scope domain.Scope, permissionID string) (*typesv1.Success, error) {
	if err := s.app.DeletePermissionDefinition(ctx, scope, permissionID); err != nil {
		return nil, err
	}
	projectChanged(ctx)
	return success(), nil
}

// update reads what a definition is to be from now on.
func update(scope domain.Scope, req interface {
	GetPermissionId() string
	GetDefinition() *teamsv1.PermissionDefinitionUpdate
}) domain.Definition {
	body := req.GetDefinition()
	definition := domain.Definition{
		ID: req.GetPermissionId(), Description: body.Description, Scope: scope, Contains: body.GetContainedPermissionIds(),
	}
	if body.Id != nil {
		definition.ID = body.GetId()
	}
	return definition
}

// defined answers with a definition that was written.
func defined(ctx context.Context) func(*domain.Definition, error) (*teamsv1.PermissionDefinition, error) {
	return func(definition *domain.Definition, err error) (*teamsv1.PermissionDefinition, error) {
		if err != nil {
			return nil, err
		}
		projectChanged(ctx)
		return definitionMessage(definition), nil
	}
}

func definitionMessage(definition *domain.Definition) *teamsv1.PermissionDefinition {
	return &teamsv1.PermissionDefinition{
		Id: definition.ID, Description: definition.Description, ContainedPermissionIds: definition.Contains,
	}
}

// projectChanged makes the gateway forget the project before it answers, so
// that the caller's next request sees the change.
func projectChanged(ctx context.Context) {
	caller, _ := principal.FromContext(ctx)
	grpcx.SetHeader(ctx, grpcx.HeaderProjectChanged, caller.ProjectID)
}
