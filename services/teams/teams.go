// Package teams is the teams context: teams and who belongs to them.
package teams

import (
	"context"

	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/service"
	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/teams/internal/app"
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
func build(_ context.Context, p *service.Platform) error {
	store := postgres.NewStore(p.DB, events.Encode)
	application := app.New(store)
	teamsv1.RegisterTeamInternalServiceServer(p.GRPC, grpcapi.NewInternal(application))
	teamsv1.RegisterMembershipInternalServiceServer(p.GRPC, grpcapi.NewMemberships(application))
	p.Consume(events.Subscriptions(application)...)
	return nil
}
