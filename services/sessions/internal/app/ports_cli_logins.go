package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
)

// CLILoginStore is the part of a Store that remembers log-ins of command-line
// programs. Each method is one statement, except where it says otherwise.
type CLILoginStore interface {
	// CreateCLILogin inserts a log-in and returns when it expires; created is
	// false when its project was deleted.
	CreateCLILogin(ctx context.Context, login NewCLILogin) (expiresAt time.Time, created bool, err error)
	// PolledCLILogin reads the log-in of a polling code; nil when there is none.
	PolledCLILogin(ctx context.Context, tenant ids.Tenant, pollingCode string) (*PolledCLILogin, error)
	// UseCLILogin ends a completed log-in and returns the refresh token it was
	// completed with. Of all that try, one succeeds.
	UseCLILogin(ctx context.Context, tenant ids.Tenant, loginID string) (refreshToken string, first bool, err error)
	// OpenCLILogin reads the log-in of a login code that is neither completed
	// nor expired; nil when there is none.
	OpenCLILogin(ctx context.Context, tenant ids.Tenant, loginCode string) (*OpenCLILogin, error)
	// ClaimCLILogin takes the anonymous session off an open log-in. Of all that
	// try, one succeeds.
	ClaimCLILogin(ctx context.Context, tenant ids.Tenant, loginID string) (first bool, err error)
	// CompleteCLILogin completes an open log-in with the session of a refresh
	// token and drops the anonymous one. It reports false when another was
	// first, or when the tenant has no such session.
	CompleteCLILogin(ctx context.Context, tenant ids.Tenant, loginID, refreshToken string) (completed bool, err error)
	// SessionOfToken reads the unexpired session of a refresh token; found is
	// false when there is none.
	SessionOfToken(ctx context.Context, tenant ids.Tenant, refreshToken string) (session UsedSession, found bool, err error)
	// SweepCLILogins deletes at most batch log-ins that expired long ago and
	// reports how many.
	SweepCLILogins(ctx context.Context, batch int) (int, error)
}

// NewCLILogin is a log-in to be inserted.
type NewCLILogin struct {
	ids.Tenant

	ID string
	// PollingCode and LoginCode are stored as hashes only.
	PollingCode, LoginCode string
	Lifetime               time.Duration
	// AnonymousToken is the refresh token of the session that the program
	// brought; "" when it brought none. It is stored sealed.
	AnonymousToken string
}

// PolledCLILogin is what a program learns about its log-in.
type PolledCLILogin struct {
	ID                       string
	Expired, Used, Completed bool
}

// OpenCLILogin is a log-in that waits for its completion.
type OpenCLILogin struct {
	ID string
	// AnonymousToken is "" when the program brought no session, or when it was
	// handed on.
	AnonymousToken string
}
