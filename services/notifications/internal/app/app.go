package app

import (
	"log/slog"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/notifications/internal/domain/letter"
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
	// Locale is the language of built-in mails whose asker names none; empty for
	// English.
	Locale string
	// CronSecret authorizes scheduled calls; empty for none.
	CronSecret secret.Secret
}

// Ports are what the use cases need.
type Ports struct {
	Store   Store
	Configs Configs
	Writer  ConfigWriter
	Users   Users
	Mailer  Mailer
	// Receivers are the webhook endpoints of projects.
	Receivers Receivers
	Clock     clock.Clock
	// Translations may be nil.
	Translations *letter.Translations
	// Random returns a number in [0, 1).
	Random func() float64
	Logger *slog.Logger
	Counters
}

// App runs the use cases.
type App struct {
	Ports
	cfg Config
}

// New returns an App over its ports.
func New(cfg Config, ports Ports) *App { return &App{Ports: ports, cfg: cfg} }
