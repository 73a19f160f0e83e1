// Package config is what the notifications context is told by its environment
// beyond what every service is told. Variables begin with NOTIFICATIONS_.
package config

import (
	"errors"
	"strings"

	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/deliverer"
	"vestibule.dev/services/notifications/internal/mailer"
)

// Config holds the service's own settings.
type Config struct {
	Mailer   mailer.Config
	Webhooks deliverer.Config
	// EmailCapacityPerHour is how many mails an hour a new project may send.
	EmailCapacityPerHour float64 `env:"EMAIL_CAPACITY_PER_HOUR" envDefault:"200"`
	// EmailBurstPerMinute is how many urgent mails, such as sign-in codes, a
	// project may send a minute whatever its capacity.
	EmailBurstPerMinute int `env:"EMAIL_BURST_PER_MINUTE" envDefault:"60"`
}

// Validate reports settings under which no mail would be sent.
func (c Config) Validate() error {
	if c.EmailCapacityPerHour <= 0 || c.EmailBurstPerMinute < 0 {
		return errors.New("NOTIFICATIONS_EMAIL_CAPACITY_PER_HOUR must be positive, and NOTIFICATIONS_EMAIL_BURST_PER_MINUTE not negative")
	}
	return nil
}

// App is the part the use cases need. publicURL is the API's origin.
func (c Config) App(publicURL string) app.Config {
	return app.Config{
		CapacityPerHour: c.EmailCapacityPerHour, BurstPerMinute: c.EmailBurstPerMinute, PublicURL: strings.TrimSuffix(publicURL, "/"),
	}
}
