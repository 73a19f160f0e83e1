// Package config is what the payments context is told by its environment,
// beside what all services are told.
package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/payments/internal/domain"
)

// Config is read from the variables of the service.
type Config struct {
	// StripeSecretKey is the platform's key; without it there is no payment
	// provider.
	StripeSecretKey secret.Secret `env:"STRIPE_SECRET_KEY"`
	// StripePublishableKey is what browsers on the checkout page use.
	StripePublishableKey string `env:"STRIPE_PUBLISHABLE_KEY"`
	// StripeWebhookSecret is what the provider signs its events with.
	StripeWebhookSecret secret.Secret `env:"STRIPE_WEBHOOK_SECRET"`
	// StripeURL is where the provider's API is, unless at its usual place.
	StripeURL string `env:"STRIPE_URL"`
	// StripeFeePercent is what the platform keeps of every charge, such as 2.5;
	// empty means nothing.
	StripeFeePercent string `env:"STRIPE_FEE_PERCENT"`
	// CheckoutURL is the origin of the checkout page, unless the API's.
	CheckoutURL string `env:"CHECKOUT_URL"`
	// DashboardURL is where operators come back to from the provider, unless
	// the API's origin.
	DashboardURL string `env:"DASHBOARD_URL"`
}

// Validate refuses what cannot work.
func (c *Config) Validate() error {
	if c.StripeSecretKey != "" && c.StripeWebhookSecret == "" {
		return errors.New("PAYMENTS_STRIPE_SECRET_KEY needs PAYMENTS_STRIPE_WEBHOOK_SECRET: purchases are entered when the provider tells of them")
	}
	if _, err := domain.ParsePercent(c.StripeFeePercent); err != nil {
		return fmt.Errorf("PAYMENTS_STRIPE_FEE_PERCENT: %w", err)
	}
	for name, value := range map[string]string{"STRIPE_URL": c.StripeURL, "CHECKOUT_URL": c.CheckoutURL, "DASHBOARD_URL": c.DashboardURL} {
		if value == "" {
			continue
		}
		if parsed, err := url.Parse(value); err != nil || parsed.Host == "" || parsed.Scheme != "https" && parsed.Scheme != "http" {
			return errors.New("PAYMENTS_" + name + " must be an http(s) URL")
		}
	}
	return nil
}

// Origin is the given URL without trailing slash, or the other one.
func Origin(chosen, other string) string {
	if chosen == "" {
		chosen = other
	}
	return strings.TrimSuffix(chosen, "/")
}
