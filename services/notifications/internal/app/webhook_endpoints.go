package app

import (
	"context"
	"fmt"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// webhookTenant is the project that a request is about.
func webhookTenant(ctx context.Context) (ids.Tenant, error) {
	caller, ok := principal.FromContext(ctx)
	if !ok || caller.ProjectID == "" {
		return ids.Tenant{}, apierr.AccessTypeRequired()
	}
	return ids.Tenant{ProjectID: caller.ProjectID, BranchID: caller.BranchID}, nil
}

func errNoWebhookEndpoint() error {
	return apierr.Text(http.StatusNotFound, "The project has no such webhook endpoint.")
}

func errNoWebhookMessage() error {
	return apierr.Text(http.StatusNotFound, "The project has no such webhook message.")
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

// CreateWebhookEndpoint adds an endpoint to the project and returns its secret,
// made up unless one is chosen. It fails with SCHEMA_ERROR.
func (a *App) CreateWebhookEndpoint(ctx context.Context, fields WebhookEndpointPatch, chosen *string) (*webhook.Endpoint, secret.Secret, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := fields.check(a.Receivers); err != nil {
		return nil, "", err
	}
	key, err := newWebhookSecret(chosen)
	if err != nil {
		return nil, "", err
	}
	endpoint := webhook.Endpoint{Tenant: tenant, ID: webhook.NewEndpointID()}
	fields.applyTo(&endpoint)
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		created, err := tx.CreateWebhookEndpoint(ctx, &endpoint, key, webhook.MaxEndpoints)
		if err == nil && !created {
			return apierr.Text(http.StatusBadRequest, fmt.Sprintf("The project has %d webhook endpoints; there cannot be more.", webhook.MaxEndpoints))
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return &endpoint, key, nil
}

// ListWebhookEndpoints lists the project's endpoints, oldest first.
func (a *App) ListWebhookEndpoints(ctx context.Context) ([]webhook.Endpoint, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return nil, err
	}
	return a.Store.WebhookEndpoints(ctx, tenant)
}

// GetWebhookEndpoint fails with 404 when there is none.
func (a *App) GetWebhookEndpoint(ctx context.Context, endpointID string) (*webhook.Endpoint, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return nil, err
	}
	endpoint, err := a.Store.WebhookEndpoint(ctx, tenant, endpointID)
	if err == nil && endpoint == nil {
		err = errNoWebhookEndpoint()
	}
	return endpoint, err
}

// UpdateWebhookEndpoint changes an endpoint. Enabling it has what it missed
// delivered and forgets for how long it failed. It fails with SCHEMA_ERROR, and
// with 404 when there is none.
func (a *App) UpdateWebhookEndpoint(ctx context.Context, endpointID string, fields WebhookEndpointPatch) (*webhook.Endpoint, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return nil, err
	}
	if err := fields.check(a.Receivers); err != nil {
		return nil, err
	}
	var endpoint *webhook.Endpoint
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		if endpoint, err = tx.LockWebhookEndpoint(ctx, tenant, endpointID); err != nil {
			return err
		}
		if endpoint == nil {
			return errNoWebhookEndpoint()
		}
		enabled := endpoint.Disabled && !fields.Disabled.Or(endpoint.Disabled)
		fields.applyTo(endpoint)
		if enabled {
			endpoint.FailingSince = nil
		}
		if err := tx.UpdateWebhookEndpoint(ctx, endpoint); err != nil {
			return err
		}
		if !enabled {
			return nil
		}
		return tx.WakeWebhookLanes(ctx, tenant, endpointID)
	})
	return endpoint, err
}

// DeleteWebhookEndpoint removes an endpoint. It fails with 404 when there is
// none.
func (a *App) DeleteWebhookEndpoint(ctx context.Context, endpointID string) error {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return err
	}
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		found, err := tx.DeleteWebhookEndpoint(ctx, tenant, endpointID)
		if err == nil && !found {
			err = errNoWebhookEndpoint()
		}
		return err
	})
}

// GetWebhookSecret fails with 404 when there is no such endpoint.
func (a *App) GetWebhookSecret(ctx context.Context, endpointID string) (secret.Secret, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return "", err
	}
	key, found, err := a.Store.WebhookSecret(ctx, tenant, endpointID)
	if err == nil && !found {
		err = errNoWebhookEndpoint()
	}
	return key, err
}

// RotateWebhookSecret gives an endpoint another secret, made up unless one is
// chosen; the one before signs as well for a day. It fails with SCHEMA_ERROR,
// and with 404 when there is no such endpoint.
func (a *App) RotateWebhookSecret(ctx context.Context, endpointID string, chosen *string) (secret.Secret, error) {
	tenant, err := webhookTenant(ctx)
	if err != nil {
		return "", err
	}
	key, err := newWebhookSecret(chosen)
	if err != nil {
		return "", err
	}
	err = a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		found, err := tx.RotateWebhookSecret(ctx, tenant, endpointID, key, webhook.Overlap)
		if err == nil && !found {
			err = errNoWebhookEndpoint()
		}
		return err
	})
	return key, err
}
