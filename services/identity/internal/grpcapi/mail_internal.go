package grpcapi

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
)

// MailInternal implements identityv1.MailInternalServiceServer.
type MailInternal struct {
	identityv1.UnimplementedMailInternalServiceServer
	app *app.App
}

// ListUserIDs implements identityv1.MailInternalServiceServer.
func (s *MailInternal) ListUserIDs(ctx context.Context, req *identityv1.ListUserIDsRequest) (*identityv1.ListUserIDsResponse, error) {
	if req.GetAfter() != "" && !ids.ValidUUID(req.GetAfter()) {
		return nil, apierr.SchemaError("after must be a UUID")
	}
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	found, err := s.app.ListUserIDs(ctx, tenant, req.GetAfter(), int(req.GetLimit()))
	if err != nil {
		return nil, err
	}
	return &identityv1.ListUserIDsResponse{UserIds: found}, nil
}

// ListProjectOwners implements identityv1.MailInternalServiceServer.
func (s *MailInternal) ListProjectOwners(ctx context.Context, req *identityv1.ListProjectOwnersRequest) (*identityv1.ListProjectOwnersResponse, error) {
	emails, err := s.app.ListProjectOwners(ctx, req.GetProjectId())
	if err != nil {
		return nil, err
	}
	return &identityv1.ListProjectOwnersResponse{PrimaryEmails: emails}, nil
}

// ChangeEnvironmentConfig implements identityv1.MailInternalServiceServer.
func (s *MailInternal) ChangeEnvironmentConfig(ctx context.Context, req *identityv1.ChangeEnvironmentConfigRequest) (*identityv1.ChangeEnvironmentConfigResponse, error) {
	override := req.GetOverride()
	if override == "" {
		override = "{}"
	}
	changed, err := s.app.ChangeEnvironmentConfig(ctx, app.EnvironmentChange{
		Tenant:   ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()},
		Override: override, ResetKeys: req.GetResetKeys(), RequiredKeys: req.GetRequiredKeys(),
	})
	if err != nil {
		return nil, err
	}
	return &identityv1.ChangeEnvironmentConfigResponse{Changed: changed}, nil
}
