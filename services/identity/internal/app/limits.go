package app

import "time"

// Limits bound what strangers may try.
type Limits struct {
	Password GuessLimit
	TOTP     GuessLimit
	// MailsToAddress is for the mails with codes of one kind to one address,
	// MailsOfProject for all of a project.
	MailsToAddress, MailsOfProject Rate
}

// DefaultLimits are what nobody meets who uses an application as intended.
//
// Passwords: ten wrong ones in ten minutes, and 100 in a row before somebody has
// to prove their address (NIST SP 800-63B-4 section 3.2.2). Codes of an
// authenticator app are worth less, so that fewer come after the burst, which
// covers the tries of one attempt code.
func DefaultLimits() Limits {
	return Limits{
		Password:       GuessLimit{Burst: 10, Period: time.Minute, Consecutive: 100},
		TOTP:           GuessLimit{Burst: 25, Period: 5 * time.Minute, Consecutive: 100},
		MailsToAddress: PerHour(5),
		MailsOfProject: PerHour(3600),
	}
}
