package identity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/service"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
	"vestibule.dev/services/identity/internal/events"
	"vestibule.dev/services/identity/internal/postgres"
)

// seedConfig says what an installation starts with.
type seedConfig struct {
	// Seed is the JSON of a [seedDocument]. It holds keys, so it usually comes
	// from IDENTITY_SEED_FILE.
	Seed secret.Secret `env:"SEED,required"`
	// Dev also seeds the project that newcomers try things with, and lets the
	// operators' project trust localhost.
	Dev bool `env:"SEED_DEV" envDefault:"false"`

	// SignUp lets people sign up at project internal, whose users are operators.
	SignUp bool `env:"SEED_SIGN_UP" envDefault:"true"`
	// MagicLink lets operators sign in by links in mails.
	MagicLink bool `env:"SEED_MAGIC_LINK" envDefault:"true"`
	// AllowLocalhost lets project internal trust localhost.
	AllowLocalhost bool `env:"SEED_ALLOW_LOCALHOST" envDefault:"false"`
	// OAuthProviders are types of providers by which operators sign in, with the
	// installation's own clients, separated by commas.
	OAuthProviders []string `env:"SEED_OAUTH_PROVIDERS"`
}

// seedDocument names the projects and their keys.
type seedDocument struct {
	Projects struct {
		Internal *seedProject `json:"internal"`
		Dev      *seedProject `json:"dev"`
	} `json:"projects"`
}

type seedProject struct {
	ID                   string        `json:"id"`
	PublishableClientKey secret.Secret `json:"publishable_client_key"`
	SecretServerKey      secret.Secret `json:"secret_server_key"`
	SuperSecretAdminKey  secret.Secret `json:"super_secret_admin_key"`
}

// seed is the command that gives an installation its first projects. It may be
// repeated at every start.
func seed(ctx context.Context, p *service.Platform, args []string) error {
	if len(args) > 0 {
		return errors.New("usage: identity seed")
	}
	var cfg seedConfig
	if err := p.LoadConfig(&cfg); err != nil {
		return err
	}
	seeds, err := cfg.projects()
	if err != nil {
		return err
	}
	// No code, mail or image is made here.
	application := app.New(app.Deps{Store: postgres.NewStore(p.DB, nil, p.Box, events.Encode), Logger: p.Logger})
	for _, seed := range seeds {
		if err := application.SeedProject(ctx, seed); err != nil {
			return err
		}
	}
	return nil
}

// projects lists what is to be seeded.
func (c seedConfig) projects() ([]app.ProjectSeed, error) {
	var document seedDocument
	decoder := json.NewDecoder(bytes.NewReader([]byte(c.Seed.Reveal())))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&document); err != nil {
		// The parser's error may repeat a key.
		return nil, errors.New("IDENTITY_SEED_FILE does not hold the projects to be seeded")
	}
	internal := document.Projects.Internal
	switch {
	case internal == nil:
		return nil, errors.New("IDENTITY_SEED_FILE lacks the project internal")
	case internal.ID != domain.InternalProject:
		return nil, fmt.Errorf("the project internal cannot have the id %q", internal.ID)
	}
	seeds := []app.ProjectSeed{internal.seed("Internal", config.Internal(config.InternalSettings{
		SignUp: c.SignUp, MagicLink: c.MagicLink, AllowLocalhost: c.AllowLocalhost || c.Dev, OAuthProviders: c.OAuthProviders,
	}))}
	if c.Dev {
		if document.Projects.Dev == nil {
			return nil, errors.New("IDENTITY_SEED_FILE lacks the project dev")
		}
		seeds = append(seeds, document.Projects.Dev.seed("Development", config.Development()))
	}
	return seeds, nil
}

func (p *seedProject) seed(displayName string, environment config.Document) app.ProjectSeed {
	return app.ProjectSeed{
		ID:          p.ID,
		DisplayName: displayName,
		Environment: environment,
		Keys: app.ProjectKeys{
			PublishableClientKey: p.PublishableClientKey,
			SecretServerKey:      p.SecretServerKey,
			SuperSecretAdminKey:  p.SuperSecretAdminKey,
		},
	}
}
