package config

import (
	"errors"
	"time"

	"vestibule.dev/services/identity/internal/app"
)

// Limits bound what strangers may try.
type Limits struct {
	// PasswordFailuresBurst is how many wrong passwords of one user may come
	// from one place at once; one more may every minute.
	PasswordFailuresBurst int `env:"PASSWORD_FAILURES_BURST" envDefault:"10"`
	// TOTPFailuresBurst is the same of codes of an authenticator app, with one
	// more every five minutes.
	TOTPFailuresBurst int `env:"TOTP_FAILURES_BURST" envDefault:"25"`
	// FailuresInARow is how many of either may fail one after the other, from
	// all places a user never signed in from together.
	FailuresInARow int `env:"FAILURES_IN_A_ROW" envDefault:"100"`
	// MailsPerHourToAddress bounds the mails with codes of one kind.
	MailsPerHourToAddress int `env:"MAILS_PER_HOUR_TO_ADDRESS" envDefault:"5"`
	// MailsPerHourOfProject bounds the mails with codes of a project.
	MailsPerHourOfProject int `env:"MAILS_PER_HOUR_OF_PROJECT" envDefault:"3600"`
}

// Validate reports limits that nobody could keep.
func (l Limits) Validate() error {
	for _, n := range []int{l.PasswordFailuresBurst, l.TOTPFailuresBurst, l.FailuresInARow, l.MailsPerHourToAddress, l.MailsPerHourOfProject} {
		if n < 1 {
			return errors.New("the limits IDENTITY_…_BURST, IDENTITY_FAILURES_IN_A_ROW and IDENTITY_MAILS_PER_HOUR_… must be positive")
		}
	}
	return nil
}

// App is the form the use cases need.
func (l Limits) App() app.Limits {
	return app.Limits{
		Password:       app.GuessLimit{Burst: l.PasswordFailuresBurst, Period: time.Minute, Consecutive: l.FailuresInARow},
		TOTP:           app.GuessLimit{Burst: l.TOTPFailuresBurst, Period: 5 * time.Minute, Consecutive: l.FailuresInARow},
		MailsToAddress: app.PerHour(l.MailsPerHourToAddress),
		MailsOfProject: app.PerHour(l.MailsPerHourOfProject),
	}
}
