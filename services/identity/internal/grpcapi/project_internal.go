package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"vestibule.dev/pkg/ids"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// ProjectInternal implements identityv1.ProjectInternalServiceServer.
type ProjectInternal struct {
	identityv1.UnimplementedProjectInternalServiceServer
	app *app.App
}

// GetProjectAccess implements identityv1.ProjectInternalServiceServer.
func (s *ProjectInternal) GetProjectAccess(ctx context.Context, req *identityv1.GetProjectAccessRequest) (*identityv1.GetProjectAccessResponse, error) {
	access, err := s.app.GetProjectAccess(ctx, req.GetProjectId())
	if err != nil {
		return nil, err
	}
	if access == nil {
		return &identityv1.GetProjectAccessResponse{}, nil
	}
	res := &identityv1.GetProjectAccessResponse{
		Found:                       true,
		ProjectId:                   access.ProjectID,
		ConfigVersion:               access.Version,
		RequirePublishableClientKey: access.RequirePublishableClientKey,
		Branches:                    access.Branches,
	}
	for _, set := range access.KeySets {
		res.KeySets = append(res.KeySets, &identityv1.ProjectKeySet{
			Id:                       set.ID,
			PublishableClientKeyHash: keyHash(set.PublishableClientKey),
			SecretServerKeyHash:      keyHash(set.SecretServerKey),
			SuperSecretAdminKeyHash:  keyHash(set.SuperSecretAdminKey),
			ExpiresAt:                timestamppb.New(set.ExpiresAt),
		})
	}
	return res, nil
}

// AuthorizeAdmin implements identityv1.ProjectInternalServiceServer.
func (s *ProjectInternal) AuthorizeAdmin(ctx context.Context, req *identityv1.AuthorizeAdminRequest) (*identityv1.AuthorizeAdminResponse, error) {
	outcome, err := s.app.AuthorizeProjectAdmin(ctx, req.GetProjectId(), req.GetUserId())
	if err != nil {
		return nil, err
	}
	res := &identityv1.AuthorizeAdminResponse{Outcome: identityv1.AuthorizeAdminResponse_OUTCOME_NOT_ADMIN}
	switch outcome {
	case app.AdminAllowed:
		res.Outcome = identityv1.AuthorizeAdminResponse_OUTCOME_ALLOWED
	case app.OperatorGone:
		res.Outcome = identityv1.AuthorizeAdminResponse_OUTCOME_USER_GONE
	}
	return res, nil
}

// GetProjectConfig implements identityv1.ProjectInternalServiceServer.
func (s *ProjectInternal) GetProjectConfig(ctx context.Context, req *identityv1.GetProjectConfigRequest) (*identityv1.GetProjectConfigResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	rendition, err := s.app.GetProjectConfig(ctx, tenant, req.GetMinVersion())
	if err != nil {
		return nil, err
	}
	project := &rendition.Project
	return &identityv1.GetProjectConfigResponse{
		Version:             project.Version,
		Config:              rendition.Rendered.JSON(),
		DisplayName:         project.DisplayName,
		LogoUrl:             text(project.Logos[domain.Logo]),
		LogoFullUrl:         text(project.Logos[domain.FullLogo]),
		LogoDarkModeUrl:     text(project.Logos[domain.DarkModeLogo]),
		LogoFullDarkModeUrl: text(project.Logos[domain.FullDarkModeLogo]),
	}, nil
}

// ReplacePermissions implements identityv1.ProjectInternalServiceServer.
func (s *ProjectInternal) ReplacePermissions(ctx context.Context, req *identityv1.ReplacePermissionsRequest) (*identityv1.ReplacePermissionsResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	in := app.Permissions{
		ExpectedVersion: req.GetExpectedVersion(), Definitions: req.GetPermissions(),
		EndedID: req.GetEndedPermissionId(), RenamedID: req.GetRenamedPermissionId(),
	}
	if len(req.GetDefaultPermissions()) > 0 {
		in.Defaults = req.GetDefaultPermissions()
	}
	version, replaced, err := s.app.ReplacePermissions(ctx, tenant, in)
	if err != nil {
		return nil, err
	}
	return &identityv1.ReplacePermissionsResponse{Version: version, Replaced: replaced}, nil
}

func keyHash(key *domain.StoredKey) []byte {
	if key == nil {
		return nil
	}
	return key.Hash
}
