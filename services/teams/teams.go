// Package teams is the teams context: teams and who belongs to them.
package teams

import (
	"context"

	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/service"
	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/clients"
	"vestibule.dev/services/teams/internal/events"
	"vestibule.dev/services/teams/internal/grpcapi"
	"vestibule.dev/services/teams/internal/postgres"
	"vestibule.dev/services/teams/migrations"
)

// Command describes the binary of this context.
func Command() service.Command {
	return service.Command{
		Name:       "teams",
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
	application := app.New(app.Deps{
		Store:    postgres.NewStore(p.DB, events.Encode),
		Projects: clients.NewProjects(identity),
	})
	teamsv1.RegisterTeamInternalServiceServer(p.GRPC, grpcapi.NewInternal(application))
	teamsv1.RegisterMembershipInternalServiceServer(p.GRPC, grpcapi.NewMemberships(application))
	p.Consume(events.Subscriptions(application)...)
	return nil
}
