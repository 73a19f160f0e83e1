package app

import (
	"context"
	"fmt"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// webhookTenant is the project that a request is about.
func webhookTenant(ctx context.Context) (ids.Tenant, error) {
	req, err := readRequest(ctx)
	return req.tenant, err
}

func errNoWebhookEndpoint() error {
	return apierr.Text(http.StatusNotFound, "The project has no such webhook endpoint.")
}

// WebhookEndpointPatch is what can be changed of an endpoint.
type WebhookEndpointPatch struct {
	URL         patch.Field[string]
	Description patch.Field[string]
	FilterTypes patch.Field[[]string]
	Disabled    patch.Field[bool]
}

// check refuses values that an endpoint cannot have.
func (p *WebhookEndpointPatch) check(receivers Receivers) error {
	var problems []string
	if url, ok := p.URL.Get(); ok {
		if err := receivers.Check(url); err != nil {
			problems = append(problems, "body.url "+err.Error())
		}
	}
	types, _ := p.FilterTypes.Get()
	for i, name := range types {
		if !webhook.Known(name) {
			problems = append(problems, fmt.Sprintf("body.filter_types[%d] must be a webhook event type", i))
		}
	}
	if problems != nil {
		return apierr.SchemaError(problems...)
	}
	return nil
}

func (p *WebhookEndpointPatch) applyTo(endpoint *webhook.Endpoint) {
	endpoint.URL = p.URL.Or(endpoint.URL)
	endpoint.Description = p.Description.Or(endpoint.Description)
	endpoint.FilterTypes = p.FilterTypes.Or(endpoint.FilterTypes)
	endpoint.Disabled = p.Disabled.Or(endpoint.Disabled)
}

// newWebhookSecret is the secret that a caller chose, or a new one.
func newWebhookSecret(chosen *string) (secret.Secret, error) {
	if chosen == nil {
		return secret.Secret(webhook.NewSecret()), nil
	}
	if err := webhook.CheckSecret(*chosen); err != nil {
		return "", apierr.SchemaError("body.secret " + err.Error())
	}
	return secret.Secret(*chosen), nil
}
