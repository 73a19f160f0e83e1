package pg

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"vestibule.dev/pkg/tenancy"
)

// setScope tells a connection for whom it works until it is told otherwise.
const setScope = `-- name: WorkFor
SELECT set_config($1, $2, false)`

// errUnscoped is a bug: nobody has said for whom the work is.
var errUnscoped = errors.New("pg: work that is for no project, nor for all of them (package tenancy)")

// scoped returns a context that says for whom the work is, or an error if
// nobody has.
func (db *DB) scoped(ctx context.Context) (context.Context, error) {
	if _, ok := tenancy.Scope(ctx); ok || db.noProjects {
		return ctx, nil
	}
	if db.assumeAll {
		return tenancy.ForAllProjects(ctx), nil
	}
	return ctx, errUnscoped
}

// check refuses work for somebody else inside a transaction: its connection
// would show the wrong rows, or none.
func (db *DB) check(ctx context.Context, tx *transaction) error {
	if scope, _ := tenancy.Scope(ctx); scope != tx.scope && !db.noProjects {
		return fmt.Errorf("pg: work for %q inside a transaction for %q", scope, tx.scope)
	}
	return nil
}

// dedicate tells a connection that leaves the pool for whom it works. It does so
// outside any transaction, whose rollback would undo it, and remembers it, so
// that a run of requests of one project costs nothing.
func dedicate(ctx context.Context, conn *pgx.Conn) (usable bool, err error) {
	scope, ok := tenancy.Scope(ctx)
	if !ok {
		return true, errUnscoped
	}
	known := conn.PgConn().CustomData()
	if known[tenancy.Setting] == scope {
		return true, nil
	}
	delete(known, tenancy.Setting)
	if _, err := conn.Exec(ctx, setScope, tenancy.Setting, scope); err != nil {
		return false, nil // broken; the pool takes another
	}
	known[tenancy.Setting] = scope
	return true, nil
}

// AbovePolicies reports whether the role that db connects as sees the rows of all
// projects whatever it is told, which superusers and roles with BYPASSRLS do.
func (db *DB) AbovePolicies(ctx context.Context) (bool, error) {
	ctx = tenancy.ForNoProject(ctx)
	var above bool
	err := db.Querier(ctx).QueryRow(ctx, `-- name: AbovePolicies
SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user`).Scan(&above)
	return above, err
}

// refusal answers every statement with an error.
type refusal struct{ err error }

func (r refusal) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, r.err
}

func (r refusal) Query(context.Context, string, ...any) (pgx.Rows, error) { return nil, r.err }

func (r refusal) QueryRow(context.Context, string, ...any) pgx.Row { return row{err: r.err} }
