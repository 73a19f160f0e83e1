package app

import (
	"time"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/services/sessions/internal/domain"
)

// Settings are what an operator decides.
type Settings struct {
	// PublicOrigin is where clients reach the API, without a trailing slash.
	PublicOrigin string
	// AccessTokenLifetime is whole seconds.
	AccessTokenLifetime time.Duration
	Rotation            domain.Rotation
	// ExpiredRetention is how long an expired session stays listed.
	ExpiredRetention time.Duration
	// CLILoginLifetime is how long the log-in of a command-line program can be
	// completed, unless it asks for another time.
	CLILoginLifetime time.Duration
}

// Deps are the ports the use cases work through.
type Deps struct {
	Store    Store
	Users    Users
	Projects Projects
	Configs  Configs
	Teams    Teams
	Keys     KeyCache
	Signer   Signer
	Clock    clock.Clock
}

// App runs the use cases.
type App struct {
	Deps

	settings Settings
}

// New returns an App over its ports.
func New(settings Settings, deps Deps) *App {
	return &App{Deps: deps, settings: settings}
}
