package pg

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"vestibule.dev/pkg/apierr"
)

// ConstraintName returns the name of the constraint that err reports as
// violated, or the empty string. The names are API: each store maps those of
// its tables to errors of the contract.
func ConstraintName(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && strings.HasPrefix(pgErr.Code, "23") {
		return pgErr.ConstraintName
	}
	return ""
}

// classify turns outages into an error that tells the caller to come back, and
// text that Postgres cannot store into one that names the problem. Everything
// else stays as it is.
func classify(err error) error {
	if err == nil || errors.Is(err, pgx.ErrNoRows) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var known *apierr.Error
	if errors.As(err, &known) {
		return err
	}
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		switch {
		case pgErr.Code == "22021" || pgErr.Code == "22P05":
			return apierr.SchemaError("text must not contain the null character").WithCause(err)
		case strings.HasPrefix(pgErr.Code, "08"), // connection exceptions
			strings.HasPrefix(pgErr.Code, "53"), // insufficient resources
			strings.HasPrefix(pgErr.Code, "57"): // operator intervention, shutdown
			return unavailable(err)
		}
		return err
	}
	var connectErr *pgconn.ConnectError
	var netErr net.Error
	if errors.As(err, &connectErr) || errors.As(err, &netErr) || pgconn.SafeToRetry(err) ||
		strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "unexpected EOF") {
		return unavailable(err)
	}
	return err
}

func unavailable(cause error) error {
	return apierr.Unavailable(time.Second).WithCause(cause)
}
