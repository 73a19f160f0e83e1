// Package config is what the teams context is told by its environment beyond
// what every service is told. Variables begin with TEAMS_.
package config

import (
	"errors"

	"vestibule.dev/services/teams/internal/app"
)

// Config holds the service's own settings.
type Config struct {
	// InvitationsPerHourToAddress bounds the mails that invite one address.
	InvitationsPerHourToAddress int `env:"INVITATIONS_PER_HOUR_TO_ADDRESS" envDefault:"5"`
	// InvitationsPerHourOfProject bounds the mails that invite to the teams of a
	// project.
	InvitationsPerHourOfProject int `env:"INVITATIONS_PER_HOUR_OF_PROJECT" envDefault:"3600"`
}

// Validate reports limits that nobody could keep.
func (c Config) Validate() error {
	if c.InvitationsPerHourToAddress < 1 || c.InvitationsPerHourOfProject < 1 {
		return errors.New("the limits TEAMS_INVITATIONS_PER_HOUR_… must be positive")
	}
	return nil
}

// Limits is the form the use cases need.
func (c Config) Limits() app.Limits {
	return app.Limits{
		MailsToAddress: app.PerHour(c.InvitationsPerHourToAddress),
		MailsOfProject: app.PerHour(c.InvitationsPerHourOfProject),
	}
}
