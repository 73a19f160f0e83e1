package config

import (
	"errors"
	"net/url"
	"time"

	"vestibule.dev/pkg/httpx"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/siteverify"
)

// BotChallenge says who gives challenges to browsers. Without a secret nobody
// does, and everybody passes.
type BotChallenge struct {
	// Secret is the installation's at whoever gives challenges; without it there
	// are none.
	Secret secret.Secret `env:"BOT_CHALLENGE_SECRET"`
	// URL verifies the tokens of passed challenges; Cloudflare Turnstile by
	// default.
	URL string `env:"BOT_CHALLENGE_URL" envDefault:"https://challenges.cloudflare.com/turnstile/v0/siteverify"`
	// Hostnames are those of the pages on which challenges are passed; all by default.
	Hostnames []string `env:"BOT_CHALLENGE_HOSTNAMES"`
	// AllowUnavailable lets people sign up whose page could not show one.
	AllowUnavailable bool `env:"BOT_CHALLENGE_ALLOW_UNAVAILABLE" envDefault:"false"`
	// AllowFailed lets people go on who did not pass the visible one.
	AllowFailed bool `env:"BOT_CHALLENGE_ALLOW_FAILED" envDefault:"false"`
}

// Validate reports an address that cannot be asked.
func (c BotChallenge) Validate() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return errors.New("IDENTITY_BOT_CHALLENGE_URL must be an http or https URL")
	}
	return nil
}

// Verifier is nil when nobody gives challenges. Who does is the operator's
// choice, and may be in their own network.
func (c BotChallenge) Verifier() app.BotVerifier {
	if c.Secret == "" {
		return nil
	}
	return siteverify.New(siteverify.Config{
		URL: c.URL, Secret: c.Secret, Hostnames: c.Hostnames,
		Client: httpx.NewClient(httpx.ClientConfig{Dialer: httpx.Dialer{Allow: httpx.Everywhere()}, Timeout: 5 * time.Second, MaxResponse: 64 << 10}),
	})
}

// Policy is what becomes of those who do not pass.
func (c BotChallenge) Policy() app.BotPolicy {
	return app.BotPolicy{AllowUnavailable: c.AllowUnavailable, AllowFailed: c.AllowFailed}
}
