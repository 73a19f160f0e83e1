// Package sessions is the sessions context: refresh tokens, access tokens and
// the keys that sign them, API keys and log-ins of command-line programs.
package sessions

import (
	"context"
	"strings"
	"time"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/service"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	"vestibule.dev/services/sessions/internal/accesstoken"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/clients"
	"vestibule.dev/services/sessions/internal/config"
	"vestibule.dev/services/sessions/internal/domain"
	"vestibule.dev/services/sessions/internal/events"
	"vestibule.dev/services/sessions/internal/grpcapi"
	"vestibule.dev/services/sessions/internal/keyring"
	"vestibule.dev/services/sessions/internal/postgres"
	"vestibule.dev/services/sessions/migrations"
)

// Command describes the binary of this context.
func Command() service.Command {
	return service.Command{
		Name:       "sessions",
		Migrations: []migrate.Source{migrations.Source(), courier.Migrations()},
		Sealed:     append(postgres.Sealed(), courier.Sealed()),
		Build:      build,
		Commands: map[string]func(ctx context.Context, p *service.Platform, args []string) error{
			"rotate-keys": rotateKeys,
		},
	}
}

// build wires the context, top to bottom.
func build(ctx context.Context, p *service.Platform) error {
	cfg, err := loadConfig(p)
	if err != nil {
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
	configs, err := p.ProjectConfigs(ctx)
	if err != nil {
		return err
	}
	projects := clients.NewProjects(identity, p.Clock)
	keys := keyring.New(cfg.KeyCache)
	application := app.New(settings(cfg, p), app.Deps{
		Store:    postgres.NewStore(p.DB, p.Box, events.Encode),
		Users:    clients.NewUsers(identity),
		Projects: projects,
		Configs:  configs,
		Teams:    clients.NewTeams(teams),
		Keys:     keys,
		Signer:   accesstoken.Signer{},
		Clock:    p.Clock,
	})

	internal := grpcapi.NewInternal(application)
	sessionsv1.RegisterSessionServiceServer(p.GRPC, grpcapi.NewSessions(application))
	sessionsv1.RegisterTokenServiceServer(p.GRPC, grpcapi.NewTokens(application))
	sessionsv1.RegisterUserApiKeyServiceServer(p.GRPC, grpcapi.NewUserAPIKeys(application))
	sessionsv1.RegisterTeamApiKeyServiceServer(p.GRPC, grpcapi.NewTeamAPIKeys(application))
	sessionsv1.RegisterCredentialScanningServiceServer(p.GRPC, grpcapi.NewCredentialScanning(application))
	sessionsv1.RegisterCliLoginServiceServer(p.GRPC, grpcapi.NewCLILogins(application))
	sessionsv1.RegisterSessionInternalServiceServer(p.GRPC, internal)
	sessionsv1.RegisterAuthorizationCodeInternalServiceServer(p.GRPC, internal)
	sessionsv1.RegisterTokenInternalServiceServer(p.GRPC, internal)

	p.Consume(events.Subscriptions(application)...)
	if err := p.HandOverMails(ctx); err != nil {
		return err
	}
	p.Go("project changes", func(ctx context.Context) error {
		return p.Bus.SubscribeCore(ctx, service.ProjectChanged, func(id []byte) { projects.Forget(string(id)) })
	})
	p.Go("key changes", func(ctx context.Context) error {
		return p.Bus.SubscribeCore(ctx, events.KeysRotated, func(message []byte) {
			if audience, ok := events.RotatedAudience(message); ok {
				keys.Forget(audience)
			}
		})
	})
	p.Every(cfg.KeyInterval(), "key rotation", func(ctx context.Context) error {
		taken, err := application.RotateAllKeys(ctx, false)
		if rotated := taken[domain.RotateKeys]; rotated > 0 {
			p.Logger.InfoContext(ctx, "signing keys rotated", "audiences", rotated)
		}
		return err
	})
	p.Every(time.Minute, "session sweep", application.Sweep)
	return nil
}

func loadConfig(p *service.Platform) (config.Config, error) {
	var cfg config.Config
	if err := p.LoadConfig(&cfg); err != nil {
		return config.Config{}, err
	}
	return cfg, cfg.Validate()
}

func settings(cfg config.Config, p *service.Platform) app.Settings {
	return cfg.Settings(strings.TrimRight(p.Config.PublicURL, "/"))
}
