// Package payments is the payments context: products, items and purchases.
package payments

import (
	"context"

	"vestibule.dev/pkg/migrate"
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
		Migrations: []migrate.Source{migrations.Source()},
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
	application := app.New(app.Deps{
		Store:    postgres.NewStore(p.DB, events.Encode),
		Projects: clients.NewProjects(identity),
		Users:    clients.NewUsers(identity),
		Teams:    clients.NewTeams(teams),
		Clock:    p.Clock,
	})
	grpcapi.Register(p.GRPC, application)
	return nil
}
