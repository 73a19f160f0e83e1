// Package config reads what an operator decides about sessions.
package config

import (
	"errors"
	"time"

	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
)

// Config holds the settings of this context beyond those that all services
// have. The variables carry the prefix SESSIONS_.
type Config struct {
	// AccessTokenLifetime is whole seconds. SDKs need well above 45.
	AccessTokenLifetime time.Duration `env:"ACCESS_TOKEN_LIFETIME" envDefault:"10m"`

	// KeyRotation is the age at which a signing key is replaced.
	KeyRotation time.Duration `env:"KEY_ROTATION" envDefault:"2160h"`
	// KeyPublishedAhead is how long a key is published before it signs. It
	// must not be below the hour for which verifiers may keep a key set,
	// except in drills.
	KeyPublishedAhead time.Duration `env:"KEY_PUBLISHED_AHEAD" envDefault:"1h"`
	// KeyCache is how long a replica may go on signing with a key that another
	// one has retired, if it misses the event that says so.
	KeyCache time.Duration `env:"KEY_CACHE" envDefault:"30s"`

	// CLILoginLifetime is how long the log-in of a command-line program can be
	// completed, unless it asks for another time.
	CLILoginLifetime time.Duration `env:"CLI_LOGIN_LIFETIME" envDefault:"2m"`

	// ExpiredRetention is how long an expired session stays listed.
	ExpiredRetention time.Duration `env:"EXPIRED_RETENTION" envDefault:"720h"`
}

// Validate reports every setting that makes no sense.
func (c Config) Validate() error {
	var problems []error
	if c.AccessTokenLifetime < time.Second || c.AccessTokenLifetime%time.Second != 0 {
		problems = append(problems, errors.New("SESSIONS_ACCESS_TOKEN_LIFETIME must be whole seconds"))
	}
	if c.KeyRotation <= 0 {
		problems = append(problems, errors.New("SESSIONS_KEY_ROTATION must be positive"))
	}
	if c.KeyPublishedAhead < 0 {
		problems = append(problems, errors.New("SESSIONS_KEY_PUBLISHED_AHEAD must not be negative"))
	}
	if c.KeyCache <= 0 {
		problems = append(problems, errors.New("SESSIONS_KEY_CACHE must be positive"))
	}
	if c.CLILoginLifetime <= 0 || c.CLILoginLifetime > 24*time.Hour {
		problems = append(problems, errors.New("SESSIONS_CLI_LOGIN_LIFETIME must be positive and at most 24h"))
	}
	if c.ExpiredRetention < 0 {
		problems = append(problems, errors.New("SESSIONS_EXPIRED_RETENTION must not be negative"))
	}
	return errors.Join(problems...)
}

// skew is how far the clocks of replicas and verifiers may be apart.
const skew = 5 * time.Second

// Settings are what the use cases need of it.
func (c Config) Settings(publicOrigin string) app.Settings {
	return app.Settings{
		PublicOrigin:        publicOrigin,
		AccessTokenLifetime: c.AccessTokenLifetime,
		Rotation: domain.Rotation{
			Every: c.KeyRotation,
			Ahead: c.KeyPublishedAhead,
			Keep:  c.AccessTokenLifetime + c.KeyCache + skew,
		},
		ExpiredRetention: c.ExpiredRetention,
		CLILoginLifetime: c.CLILoginLifetime,
	}
}

// KeyInterval is how often to look whether keys are due.
func (c Config) KeyInterval() time.Duration {
	rotation := c.Settings("").Rotation
	return max(time.Second, min(rotation.Every, rotation.Keep)/2)
}
