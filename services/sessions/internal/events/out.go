package events

import (
	"context"
	"fmt"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/outbox"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/sessions/internal/apikeypb"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
)

// Encode gives an event its published form.
func Encode(ctx context.Context, event app.Event) (*eventsv1.Envelope, error) {
	switch event := event.(type) {
	case app.SessionCreated:
		envelope := newEnvelope(ctx, "session", event.UserID, "created", event.Tenant)
		envelope.Payload = &eventsv1.Envelope_SessionCreated{SessionCreated: &eventsv1.SessionCreated{
			SessionId: event.SessionID, UserId: event.UserID, IsImpersonation: event.IsImpersonation,
		}}
		return envelope, nil
	case app.SessionsRevoked:
		envelope := newEnvelope(ctx, "session", event.UserID, "revoked", event.Tenant)
		envelope.Payload = &eventsv1.Envelope_SessionRevoked{SessionRevoked: &eventsv1.SessionRevoked{
			UserId: event.UserID, SessionIds: event.SessionIDs, Reason: string(event.Reason),
		}}
		return envelope, nil
	case app.SigningKeyRotated:
		tenant := ids.Tenant{ProjectID: event.Audience.ProjectID, BranchID: domain.MainBranch}
		envelope := newEnvelope(ctx, "signing_key", event.KID, "rotated", tenant)
		envelope.Payload = &eventsv1.Envelope_SigningKeyRotated{SigningKeyRotated: &eventsv1.SigningKeyRotated{
			Audience: event.Audience.String(), Kid: event.KID,
		}}
		return envelope, nil
	case app.APIKeyCreated:
		representation, err := apikeypb.Struct(&event.Key)
		if err != nil {
			return nil, err
		}
		envelope := apiKeyEnvelope(ctx, &event.Key, "created")
		envelope.Payload = &eventsv1.Envelope_ApiKeyCreated{ApiKeyCreated: &eventsv1.ApiKeyCreated{
			ApiKeyId: event.Key.ID, ApiKey: representation,
		}}
		return envelope, nil
	case app.APIKeyUpdated:
		representation, err := apikeypb.Struct(&event.Key)
		if err != nil {
			return nil, err
		}
		envelope := apiKeyEnvelope(ctx, &event.Key, "updated")
		envelope.Payload = &eventsv1.Envelope_ApiKeyUpdated{ApiKeyUpdated: &eventsv1.ApiKeyUpdated{
			ApiKeyId: event.Key.ID, ApiKey: representation, Revoked: event.Revoked,
		}}
		return envelope, nil
	case app.APIKeysDeleted:
		envelope := newEnvelope(ctx, aggregateAPIKeys, event.Owner.ID, "deleted", event.Tenant)
		envelope.Payload = &eventsv1.Envelope_ApiKeysDeleted{ApiKeysDeleted: &eventsv1.ApiKeysDeleted{
			OwnerType: string(event.Owner.Type), OwnerId: event.Owner.ID, ApiKeyIds: event.KeyIDs,
		}}
		return envelope, nil
	}
	return nil, fmt.Errorf("events: %T has no published form", event)
}

const (
	aggregateAPIKey = "api_key"
	// aggregateAPIKeys are all keys of one owner.
	aggregateAPIKeys = "api_keys"
)

func apiKeyEnvelope(ctx context.Context, key *domain.APIKey, name string) *eventsv1.Envelope {
	return outbox.NewEnvelope(ctx, outbox.Fact{
		Context: "sessions", Aggregate: aggregateAPIKey, ID: key.ID, Name: name, Tenant: key.Tenant, Version: key.Version,
	})
}

// newEnvelope begins the published form of a fact. The sessions of one user are
// one aggregate, so that a consumer sees them begin and end in order.
func newEnvelope(ctx context.Context, aggregate, id, name string, tenant ids.Tenant) *eventsv1.Envelope {
	return outbox.NewEnvelope(ctx, outbox.Fact{Context: "sessions", Aggregate: aggregate, ID: id, Name: name, Tenant: tenant})
}
