// Package teams is the teams context: teams, who belongs to them, what they may
// do, and invitations.
package teams

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/rewrap"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/service"
	"vestibule.dev/pkg/throttle"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/clients"
	"vestibule.dev/services/teams/internal/config"
	"vestibule.dev/services/teams/internal/events"
	"vestibule.dev/services/teams/internal/grpcapi"
	"vestibule.dev/services/teams/internal/postgres"
	"vestibule.dev/services/teams/migrations"
)

// Command describes the binary of this context.
func Command() service.Command {
	return service.Command{
		Name:       "teams",
		Migrations: []migrate.Source{migrations.Source(), onetime.Migrations(), courier.Migrations(), throttle.Migrations()},
		Sealed:     []rewrap.Column{courier.Sealed()},
		Build:      build,
	}
}

// build wires the context, top to bottom.
func build(ctx context.Context, p *service.Platform) error {
	identity, err := p.Dial(ctx, "identity")
	if err != nil {
		return err
	}
	var cfg config.Config
	if err := p.LoadConfig(&cfg); err != nil {
		return err
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	codes, err := onetime.New(p.CodeKeys...)
	if err != nil {
		return err
	}
	application := app.New(app.Deps{
		Store:    postgres.NewStore(p.DB, codes, p.Box, events.Encode),
		Projects: clients.NewProjects(identity),
		Users:    clients.NewUsers(identity),
		Logger:   p.Logger,
		Limits:   cfg.Limits(),
		Fingerprint: func(use, text string) string {
			return base64.RawURLEncoding.EncodeToString(secret.HMAC(p.CodeKeys[0], use, text)[:18])
		},
		PublicURL: strings.TrimRight(p.Config.PublicURL, "/"),
	})
	grpcapi.Register(p.GRPC, application)
	p.Consume(events.Subscriptions(application)...)
	if err := p.HandOverMails(ctx); err != nil {
		return err
	}
	p.Every(time.Hour, "forget expired codes", func(ctx context.Context) error { return onetime.ForgetExpired(ctx, p.DB) })
	p.Every(time.Hour, "forget expired invitations", application.ForgetExpiredInvitations)
	p.Every(time.Hour, "forget full throttles", func(ctx context.Context) error { return throttle.ForgetFull(ctx, p.DB) })
	return nil
}
