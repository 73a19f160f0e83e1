package events

import (
	"context"
	"fmt"

	"vestibule.dev/pkg/ids"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/identity/internal/app"
)

const (
	aggregateProject   = "project"
	aggregateAPIKeySet = "api_key_set"
)

// encodeProject returns the envelope of a fact about a project.
func encodeProject(ctx context.Context, event app.Event) (*eventsv1.Envelope, error) {
	switch event := event.(type) {
	case app.ProjectCreated:
		envelope := projectEnvelope(ctx, event.ProjectID, "created", event.Version)
		envelope.Payload = &eventsv1.Envelope_ProjectCreated{ProjectCreated: &eventsv1.ProjectCreated{
			ProjectId: event.ProjectID, OwnerTeamId: event.OwnerTeamID,
		}}
		return envelope, nil
	case app.ProjectUpdated:
		envelope := projectEnvelope(ctx, event.ProjectID, "updated", event.Version)
		envelope.Payload = &eventsv1.Envelope_ProjectUpdated{ProjectUpdated: &eventsv1.ProjectUpdated{ProjectId: event.ProjectID}}
		return envelope, nil
	case app.ProjectDeleted:
		envelope := projectEnvelope(ctx, event.ProjectID, "deleted", event.Version)
		envelope.Payload = &eventsv1.Envelope_ProjectDeleted{ProjectDeleted: &eventsv1.ProjectDeleted{ProjectId: event.ProjectID}}
		return envelope, nil
	case app.ProjectConfigChanged:
		envelope := projectEnvelope(ctx, event.ProjectID, "config_changed", event.Version)
		envelope.BranchId = event.BranchID
		envelope.Payload = &eventsv1.Envelope_ProjectConfigChanged{ProjectConfigChanged: &eventsv1.ProjectConfigChanged{
			ProjectId: event.ProjectID, Level: string(event.Level), Version: event.Version,
			EndedPermissionId: event.EndedPermissionID, RenamedPermissionId: event.RenamedPermissionID,
		}}
		return envelope, nil
	case app.APIKeySetCreated:
		envelope := newEnvelope(ctx, ids.Tenant{ProjectID: event.ProjectID}, aggregateAPIKeySet, event.KeySetID, "created", event.Version)
		envelope.Payload = &eventsv1.Envelope_ApiKeySetCreated{ApiKeySetCreated: &eventsv1.ApiKeySetCreated{
			ProjectId: event.ProjectID, ApiKeySetId: event.KeySetID,
		}}
		return envelope, nil
	case app.APIKeySetUpdated:
		envelope := newEnvelope(ctx, ids.Tenant{ProjectID: event.ProjectID}, aggregateAPIKeySet, event.KeySetID, "updated", event.Version)
		envelope.Payload = &eventsv1.Envelope_ApiKeySetUpdated{ApiKeySetUpdated: &eventsv1.ApiKeySetUpdated{
			ProjectId: event.ProjectID, ApiKeySetId: event.KeySetID, Revoked: event.Revoked,
		}}
		return envelope, nil
	}
	return nil, fmt.Errorf("events: %T has no published form", event)
}

// projectEnvelope is about a project with all its branches.
func projectEnvelope(ctx context.Context, projectID, fact string, version int64) *eventsv1.Envelope {
	return newEnvelope(ctx, ids.Tenant{ProjectID: projectID}, aggregateProject, projectID, fact, version)
}
