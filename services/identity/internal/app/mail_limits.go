package app

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
)

// Rate allows Burst at once, and one more every Period.
type Rate struct {
	Burst  int
	Period time.Duration
}

// PerHour allows n at once, and n more spread over each hour.
func PerHour(n int) Rate { return Rate{Burst: n, Period: time.Hour / time.Duration(n)} }

// RateStore counts what may happen only so often. The counts survive restarts
// and hold for all replicas.
type RateStore interface {
	// TakeToken reports whether it may happen once more.
	TakeToken(ctx context.Context, key string, rate Rate) (bool, error)
}

// signUpMail is the kind of the mail that follows a sign-up. It counts by itself:
// whoever signs up in vain with an address of others must not keep their mails
// from them.
const signUpMail CodeKind = "sign_up"

// mayMail reports whether one more mail with a code may go to the address: so
// many of each kind, and so many of all of the project. Whoever asked for it is
// answered as if it had been sent, so that they learn nothing about others who
// ask.
func (a *App) mayMail(ctx context.Context, tenant ids.Tenant, kind CodeKind, email string) (bool, error) {
	key := strings.Join([]string{"mail", tenant.ProjectID, tenant.BranchID}, "/")
	address := a.fingerprint("mail address", domain.NormalizeEmail(email))
	ok, err := a.store.TakeToken(ctx, key+"/"+string(kind)+"/"+address, a.limits.MailsToAddress)
	if err != nil || !ok {
		return false, err
	}
	ok, err = a.store.TakeToken(ctx, key, a.limits.MailsOfProject)
	if err == nil && !ok {
		a.logger.WarnContext(ctx, "the project sends too many mails with codes", slog.String("project_id", tenant.ProjectID))
	}
	return ok, err
}
