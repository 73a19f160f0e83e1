package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// constraint returns the name of the constraint or unique index that err says
// was violated, or "".
func constraint(err error) string {
	if violation, ok := errors.AsType[*pgconn.PgError](err); ok {
		return violation.ConstraintName
	}
	return ""
}
