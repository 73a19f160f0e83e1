package stripe

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	stripego "github.com/stripe/stripe-go/v84"
	"github.com/stripe/stripe-go/v84/webhook"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/payments/internal/app"
)

// Config is how the provider is reached.
type Config struct {
	// SecretKey is the platform's.
	SecretKey secret.Secret
	// WebhookSecret is what signatures of events are made with.
	WebhookSecret secret.Secret
	// URL is where the API is; empty for the provider's own.
	URL string
}

// timeout bounds one call; requests have ten seconds in all.
const timeout = 8 * time.Second

// Client implements app.Stripe.
type Client struct {
	api           *stripego.Client
	webhookSecret secret.Secret
}

// New returns a client of the provider.
func New(c Config) *Client {
	backend := &stripego.BackendConfig{
		HTTPClient:        &http.Client{Timeout: timeout},
		MaxNetworkRetries: new(int64(1)),
		EnableTelemetry:   new(false),
		// What goes wrong is logged with the request it went wrong for.
		LeveledLogger: &stripego.LeveledLogger{Level: stripego.LevelNull},
	}
	if c.URL != "" {
		backend.URL = &c.URL
	}
	backends := stripego.NewBackendsWithConfig(backend)
	return &Client{api: stripego.NewClient(c.SecretKey.Reveal(), stripego.WithBackends(backends)), webhookSecret: c.WebhookSecret}
}

// Available implements app.Stripe.
func (*Client) Available() bool { return true }

// Event implements app.Stripe. Which version of the API an event was made for
// does not matter: what is read of it is in all of them.
func (c *Client) Event(payload []byte, signature string) (*app.StripeEvent, error) {
	if c.webhookSecret == "" {
		return nil, errors.New("there is no secret to check signatures with")
	}
	event, err := webhook.ConstructEventWithOptions(payload, signature, c.webhookSecret.Reveal(), webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
	if err != nil {
		return nil, err
	}
	told := &app.StripeEvent{ID: event.ID, Type: string(event.Type), AccountID: event.Account}
	if event.Data != nil {
		told.Object = event.Data.Raw
	}
	return told, nil
}

// on makes parameters for a connected account; an empty key makes a call that
// is not the same as any other.
func on(accountID, key string) stripego.Params {
	params := stripego.Params{StripeAccount: &accountID}
	if key != "" {
		params.IdempotencyKey = &key
	}
	return params
}

// listed makes parameters of a list on a connected account.
func listed(accountID string, limit int64) stripego.ListParams {
	return stripego.ListParams{StripeAccount: &accountID, Limit: &limit}
}

// explained turns a refusal that the payer can do something about into an answer
// for them. Everything else is between the provider and us.
func explained(err error) error {
	refusal, ok := errors.AsType[*stripego.Error](err)
	if !ok || refusal.Type != stripego.ErrorTypeCard {
		return err
	}
	sentence := refusal.Msg
	if sentence == "" {
		sentence = "The payment was declined."
	}
	return apierr.Text(http.StatusBadRequest, sentence).WithCause(err)
}

// missing reports that what was asked for does not exist.
func missing(err error) bool {
	refusal, ok := errors.AsType[*stripego.Error](err)
	return ok && refusal.HTTPStatusCode == http.StatusNotFound
}

// read decodes what the library has no fields for.
func read(response *stripego.APIResponse, into any) error {
	if response == nil {
		return errors.New("the payment provider has answered nothing")
	}
	if err := json.Unmarshal(response.RawJSON, into); err != nil {
		return fmt.Errorf("read the answer of the payment provider: %w", err)
	}
	return nil
}

// moment is nil for no time.
func moment(seconds int64) *time.Time {
	if seconds == 0 {
		return nil
	}
	return new(time.Unix(seconds, 0).UTC())
}
