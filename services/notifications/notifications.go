// Package notifications is the notifications context: mails, what they look
// like and who wants them.
package notifications

import (
	"context"
	"math/rand/v2"
	"time"

	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/service"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/clients"
	"vestibule.dev/services/notifications/internal/config"
	"vestibule.dev/services/notifications/internal/deliverer"
	"vestibule.dev/services/notifications/internal/events"
	"vestibule.dev/services/notifications/internal/grpcapi"
	"vestibule.dev/services/notifications/internal/mailer"
	"vestibule.dev/services/notifications/internal/postgres"
	"vestibule.dev/services/notifications/internal/worker"
	"vestibule.dev/services/notifications/migrations"
)

const (
	// tidyInterval is how often mails are taken from workers that died.
	tidyInterval = 30 * time.Second
	// sweepInterval is how often leftovers of deleted projects are looked for.
	sweepInterval = 5 * time.Minute
)

// Command describes the binary of this context.
func Command() service.Command {
	return service.Command{
		Name:       "notifications",
		Migrations: []migrate.Source{migrations.Source()},
		Sealed:     postgres.Sealed(),
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
	mails, err := mailer.New(cfg.Mailer, p.Clock)
	if err != nil {
		return err
	}
	configs, err := p.ProjectConfigs(ctx)
	if err != nil {
		return err
	}
	identity, err := p.Dial(ctx, "identity")
	if err != nil {
		return err
	}
	translations, err := cfg.Translations()
	if err != nil {
		return err
	}
	store := postgres.NewStore(p.DB, p.Box, events.Encode)
	if err := p.MeasureQueue("mail", store.MailQueueStatus); err != nil {
		return err
	}
	if err := p.MeasureQueue("webhook", store.WebhookQueueStatus); err != nil {
		return err
	}
	if err := p.MeasureQueue("mailing", store.MailingQueueStatus); err != nil {
		return err
	}
	counters, err := newCounters(ctx, p)
	if err != nil {
		return err
	}
	application := app.New(cfg.App(p.Config.PublicURL), app.Ports{
		Store:     store,
		Configs:   configs,
		Writer:    clients.NewConfigs(identity),
		Users:     clients.NewUsers(identity),
		Mailer:    mails,
		Receivers: deliverer.New(cfg.Webhooks, p.Clock),
		Clock:     p.Clock,
		Random:    rand.Float64,
		Logger:    p.Logger,
		Counters:  counters,

		Translations: translations,
	})
	grpcapi.RegisterEmails(p.GRPC, application)
	grpcapi.RegisterWebhooks(p.GRPC, application)
	p.Consume(events.Subscriptions(application)...)
	p.Consume(events.WebhookSubscriptions(application)...)
	listen := func(channel string) worker.Listen {
		return func(ctx context.Context, interval time.Duration, wake func(ctx context.Context)) error {
			return p.DB.Listen(ctx, channel, interval, wake)
		}
	}
	p.Go("mail worker", worker.New(application, listen(postgres.Channel), p.Logger).Run)
	p.Go("webhook worker", worker.NewWebhooks(application, listen(postgres.WebhookChannel), p.Logger).Run)
	p.Every(tidyInterval, "mail queue", application.TidyQueue)
	p.Every(time.Hour, "remains", application.ForgetRemains)
	p.Every(tidyInterval, "webhook queue", application.TidyWebhooks)
	p.Every(sweepInterval, "deleted projects", application.SweepDeletedProjects)
	return nil
}
