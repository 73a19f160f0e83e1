// Package identity is the identity context: projects and their configuration,
// users and what they prove themselves with.
package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/service"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/pkg/throttle"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/clients"
	"vestibule.dev/services/identity/internal/config"
	"vestibule.dev/services/identity/internal/events"
	"vestibule.dev/services/identity/internal/grpcapi"
	"vestibule.dev/services/identity/internal/oauthprovider"
	"vestibule.dev/services/identity/internal/postgres"
	"vestibule.dev/services/identity/internal/signuprules"
	"vestibule.dev/services/identity/migrations"
)

// Command describes the binary of this context.
func Command() service.Command {
	return service.Command{
		Name:       "identity",
		Migrations: []migrate.Source{migrations.Source(), onetime.Migrations(), courier.Migrations(), throttle.Migrations()},
		Sealed:     append(postgres.Sealed(), courier.Sealed()),
		Build:      build,
		Commands:   map[string]func(ctx context.Context, p *service.Platform, args []string) error{"seed": seed, "seal-config": sealConfig},
	}
}

// build wires the context, top to bottom.
func build(ctx context.Context, p *service.Platform) error {
	sessions, err := p.Dial(ctx, "sessions")
	if err != nil {
		return err
	}
	teams, err := p.Dial(ctx, "teams")
	if err != nil {
		return err
	}
	var providers oauthprovider.Config
	if err := p.LoadConfig(&providers); err != nil {
		return err
	}
	if err := providers.Validate(); err != nil {
		return err
	}
	codes, err := onetime.New(p.CodeKeys...)
	if err != nil {
		return err
	}

	conditions, err := signuprules.New()
	if err != nil {
		return err
	}

	var limits config.Limits
	var bots config.BotChallenge
	for _, settings := range []interface{ Validate() error }{&limits, &bots} {
		if err := p.LoadConfig(settings); err != nil {
			return err
		}
		if err := settings.Validate(); err != nil {
			return err
		}
	}

	store := postgres.NewStore(p.DB, codes, p.Box, events.Encode)
	renditions := app.NewProjectRenditions(store, p.Logger)
	hasher := secret.NewHasher(secret.HasherConfig{})
	p.AllowMemory(hasher.Memory())
	tokens := clients.NewTokens(sessions)
	application := app.New(app.Deps{
		Store:      store,
		Configs:    renditions,
		Renditions: renditions,
		Announce:   func(projectID string) { p.Bus.PublishCore(service.ProjectChanged, []byte(projectID)) },
		Sessions:   clients.NewSessions(sessions),
		Teams:      clients.NewTeams(teams),
		Hasher:     hasher,
		Sealer:     p.Box,
		Conditions: conditions,
		Bots:       bots.Verifier(),
		BotPolicy:  bots.Policy(),
		Limits:     limits.App(),
		Fingerprint: func(use, text string) string {
			return base64.RawURLEncoding.EncodeToString(secret.HMAC(p.CodeKeys[0], use, text)[:18])
		},
		Logger:    p.Logger,
		Clock:     p.Clock,
		Pause:     clock.Pause,
		PublicURL: strings.TrimRight(p.Config.PublicURL, "/"),

		OAuth:              oauthprovider.New(providers, p.Clock),
		AuthorizationCodes: tokens,
		AccessTokens:       tokens,
	})

	p.LookUpProjects(lookUpProject(application))
	grpcapi.RegisterUsers(p.GRPC, application)
	grpcapi.RegisterProjects(p.GRPC, application)
	p.Consume(events.Subscriptions(application)...)
	if err := errors.Join(p.MeasureGate("password hashing", hasher.Load), p.HandOverMails(ctx)); err != nil {
		return err
	}
	p.Every(time.Hour, "forget expired codes", func(ctx context.Context) error { return onetime.ForgetExpired(ctx, p.DB) })
	p.Every(time.Hour, "forget full throttles", func(ctx context.Context) error { return throttle.ForgetFull(ctx, p.DB) })
	p.Every(time.Hour, "forget old guesses", store.ForgetOldGuesses)
	p.Every(time.Hour, "forget old activity", store.ForgetActiveDays)
	p.Every(time.Hour, "forget abandoned sign-ins", store.ForgetOAuthAuthorizations)
	p.Every(time.Minute, "purge deleted projects", application.PurgeDeletedProjects)
	return nil
}

// lookUpProject tells the guards of this process what they would otherwise ask
// it for.
func lookUpProject(a *app.App) grpcx.ProjectLookup {
	return func(ctx context.Context, projectID string) (*grpcx.Project, error) {
		access, err := a.GetProjectAccess(tenancy.ForProject(ctx, projectID), projectID)
		if err != nil || access == nil {
			return nil, err
		}
		return &grpcx.Project{ConfigVersion: access.Version, Branches: access.Branches}, nil
	}
}
