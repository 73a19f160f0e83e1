package app

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// Rate allows Burst at once, and one more every Period.
type Rate struct {
	Burst  int
	Period time.Duration
}

// PerHour allows n at once, and n more spread over each hour.
func PerHour(n int) Rate { return Rate{Burst: n, Period: time.Hour / time.Duration(n)} }

// Limits bound the mails that invite to teams: to one address, and of all of a
// project.
type Limits struct{ MailsToAddress, MailsOfProject Rate }

// DefaultLimits are what nobody meets who uses an application as intended.
func DefaultLimits() Limits {
	return Limits{MailsToAddress: PerHour(5), MailsOfProject: PerHour(3600)}
}

// RateStore counts what may happen only so often. The counts survive restarts
// and hold for all replicas.
type RateStore interface {
	// TakeToken reports whether it may happen once more.
	TakeToken(ctx context.Context, key string, rate Rate) (bool, error)
}

// mayMail reports whether one more invitation may be sent to the address: so
// many to each, whichever teams invite, and so many of all of the project.
// Whoever asked for one too many is answered as if it had been sent, so that
// they learn nothing about others who ask.
func (a *App) mayMail(ctx context.Context, tenant ids.Tenant, email string) (bool, error) {
	key := strings.Join([]string{"invitation", tenant.ProjectID, tenant.BranchID}, "/")
	address := a.fingerprint("invited address", domain.NormalizeEmail(email))
	ok, err := a.store.TakeToken(ctx, key+"/"+address, a.limits.MailsToAddress)
	if err != nil || !ok {
		return false, err
	}
	ok, err = a.store.TakeToken(ctx, key, a.limits.MailsOfProject)
	if err == nil && !ok {
		a.logger.WarnContext(ctx, "the project sends too many invitations", slog.String("project_id", tenant.ProjectID))
	}
	return ok, err
}
