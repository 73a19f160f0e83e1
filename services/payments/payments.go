// Package payments is the payments context: products, items and purchases.
package payments

import (
	"context"
	"errors"
	"time"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/service"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/clients"
	"vestibule.dev/services/payments/internal/config"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/events"
	"vestibule.dev/services/payments/internal/grpcapi"
	"vestibule.dev/services/payments/internal/postgres"
	"vestibule.dev/services/payments/internal/stripe"
	"vestibule.dev/services/payments/migrations"
)

// Command describes the binary of this context.
func Command() service.Command {
	return service.Command{
		Name:       "payments",
		Migrations: []migrate.Source{onetime.Migrations(), courier.Migrations(), migrations.Source()},
		Sealed:     append(postgres.Sealed(), courier.Sealed()),
		Build:      build,
	}
}

// build wires the context, top to bottom.
func build(ctx context.Context, p *service.Platform) error {
	var cfg config.Config
	if err := p.LoadConfig(&cfg); err != nil {
		return err
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	identity, err := p.Dial(ctx, "identity")
	if err != nil {
		return err
	}
	teams, err := p.Dial(ctx, "teams")
	if err != nil {
		return err
	}
	codes, err := onetime.New(p.CodeKeys...)
	if err != nil {
		return err
	}
	var provider app.Stripe = app.NoStripe{}
	if cfg.StripeSecretKey != "" {
		provider = stripe.New(stripe.Config{SecretKey: cfg.StripeSecretKey, WebhookSecret: cfg.StripeWebhookSecret, URL: cfg.StripeURL})
	}
	store := postgres.NewStore(p.DB, codes, p.Box, events.Encode)
	fee, err := domain.ParsePercent(cfg.StripeFeePercent)
	if err != nil {
		return err
	}
	application := app.New(app.Deps{
		Store:    store,
		Projects: clients.NewProjects(identity),
		Users:    clients.NewUsers(identity),
		Teams:    clients.NewTeams(teams),
		Stripe:   provider,
		Clock:    p.Clock,

		StripePublishableKey: cfg.StripePublishableKey,
		Fee:                  fee,
		CheckoutURL:          config.Origin(cfg.CheckoutURL, p.Config.PublicURL),
		DashboardURL:         config.Origin(cfg.DashboardURL, p.Config.PublicURL),
	})
	grpcapi.Register(p.GRPC, application)
	p.Consume(events.Subscriptions(application)...)
	if err := errors.Join(p.HandOverMails(ctx), p.MeasureQueue("subscription endings", store.EndingsStatus)); err != nil {
		return err
	}
	p.Every(5*time.Second, "end subscriptions", application.EndSubscriptions)
	p.Every(time.Hour, "forget purchase codes", func(ctx context.Context) error { return onetime.ForgetExpired(ctx, p.DB) })
	p.Every(time.Hour, "forget old keys", func(ctx context.Context) error { return postgres.Forget(ctx, p.DB) })
	return nil
}
