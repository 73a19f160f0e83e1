package grpcapi

import (
	"context"

	sessionsv1 "vestibule.dev/proto/sessions/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/sessions/internal/app"
)

// CredentialScanning implements sessionsv1.CredentialScanningServiceServer.
type CredentialScanning struct {
	sessionsv1.UnimplementedCredentialScanningServiceServer
	app *app.App
}

// NewCredentialScanning returns the service for finders of keys over the use
// cases.
func NewCredentialScanning(application *app.App) *CredentialScanning {
	return &CredentialScanning{app: application}
}

// RevokeLeakedApiKey implements sessionsv1.CredentialScanningServiceServer.
func (s *CredentialScanning) RevokeLeakedApiKey(ctx context.Context, req *sessionsv1.RevokeLeakedApiKeyRequest) (*typesv1.Success, error) {
	if err := s.app.RevokeLeakedAPIKey(ctx, req.GetApiKey()); err != nil {
		return nil, err
	}
	return &typesv1.Success{Success: true}, nil
}
