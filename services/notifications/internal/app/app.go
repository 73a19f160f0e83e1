package app

import (
	"log/slog"

	"vestibule.dev/pkg/clock"
)

// Config bounds what the platform sends for each tenant.
type Config struct {
	// CapacityPerHour is how many mails an hour every tenant may send to begin
	// with.
	CapacityPerHour float64
	// BurstPerMinute is how many urgent mails a minute are sent beyond that.
	BurstPerMinute int
	// PublicURL is the origin under which the API is reached, without a
	// trailing slash.
	PublicURL string
}

// Ports are what the use cases need.
type Ports struct {
	Store   Store
	Configs Configs
	Users   Users
	Mailer  Mailer
	// Receivers are the webhook endpoints of projects.
	Receivers Receivers
	Clock     clock.Clock
	// Random returns a number in [0, 1).
	Random func() float64
	Logger *slog.Logger
}

// App runs the use cases.
type App struct {
	Ports
	cfg Config
}

// New returns an App over its ports.
func New(cfg Config, ports Ports) *App { return &App{Ports: ports, cfg: cfg} }
