// Package payments is the payments context: products, items and purchases.
package payments

import (
	"context"
	"strings"
	"time"

	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/service"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/clients"
	"vestibule.dev/services/payments/internal/events"
	"vestibule.dev/services/payments/internal/grpcapi"
	"vestibule.dev/services/payments/internal/postgres"
	"vestibule.dev/services/payments/migrations"
)

// Command describes the binary of this context.
func Command() service.Command {
	return service.Command{
		Name:       "payments",
		Migrations: []migrate.Source{onetime.Migrations(), migrations.Source()},
		Build:      build,
	}
}

// build wires the context, top to bottom.
func build(ctx context.Context, p *service.Platform) error {
	identity, err := p.Dial(ctx, "identity")
	if err != nil {
		return err
	}
	teams, err := p.Dial(ctx, "teams")
	if err != nil {
		return err
	}
	codes, err := onetime.New(p.CodeKey)
	if err != nil {
		return err
	}
	application := app.New(app.Deps{
		Store:    postgres.NewStore(p.DB, codes, events.Encode),
		Projects: clients.NewProjects(identity),
		Users:    clients.NewUsers(identity),
		Teams:    clients.NewTeams(teams),
		Clock:    p.Clock,

		PublicURL: strings.TrimSuffix(p.Config.PublicURL, "/"),
	})
	grpcapi.Register(p.GRPC, application)
	p.Every(time.Hour, "forget purchase codes", func(ctx context.Context) error { return onetime.ForgetExpired(ctx, p.DB) })
	p.Every(time.Hour, "forget old keys", func(ctx context.Context) error { return postgres.Forget(ctx, p.DB) })
	return nil
}
