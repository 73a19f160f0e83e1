package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// transaction is one that a context carries. Its beginning, and whatever need not
// be waited for, travels to the server together with the statement that follows:
// a round trip costs more than many a statement.
type transaction struct {
	// Tx is nil until the first statement.
	pgx.Tx
	conn *pgx.Conn
	// scope is for whom it was begun.
	scope string
	// queued are statements that nobody waits for.
	queued []query
}

type query struct {
	sql  string
	args []any
}

// Queue runs a statement of a transaction of RunTx together with the one that
// follows, or with the commit, in the order in which they were given. Its failure
// is theirs, so it is for statements whose outcome decides nothing.
func Queue(ctx context.Context, tx pgx.Tx, sql string, args ...any) error {
	if t, ok := tx.(*transaction); ok {
		t.queued = append(t.queued, query{sql, args})
		return nil
	}
	_, err := tx.Exec(ctx, sql, args...) // inside a savepoint
	return err
}

// Queued is the transaction as a Querier whose Exec is [Queue], for generated code.
func Queued(tx pgx.Tx) Querier { return queued{tx} }

type queued struct{ pgx.Tx }

func (q queued) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, Queue(ctx, q.Tx, sql, args...)
}

// run runs fn and commits when it returns nil. Otherwise, and when it panics, it
// rolls back.
func (t *transaction) run(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx) error) error {
	committed := false
	defer func() {
		if !committed && t.Tx != nil {
			// There is an error to return already. A connection that could not
			// roll back is closed.
			_ = t.Tx.Rollback(ctx)
		}
	}()
	err := fn(ctx, t)
	if err == nil {
		err = t.commit(ctx)
	}
	committed = err == nil
	return err
}

func (t *transaction) commit(ctx context.Context) error {
	if len(t.queued) == 0 {
		if t.Tx == nil {
			return nil
		}
		return t.Tx.Commit(ctx)
	}
	tag, err := t.Exec(ctx, "commit")
	if err == nil && tag.String() == "ROLLBACK" {
		err = pgx.ErrTxCommitRollback
	}
	return err
}

func (t *transaction) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if t.flushed() {
		return t.Tx.Exec(ctx, sql, args...)
	}
	results, err := t.send(ctx, query{sql, args})
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	if closed := results.Close(); err == nil {
		err = closed
	}
	return tag, err
}

func (t *transaction) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if t.flushed() {
		return t.Tx.Query(ctx, sql, args...)
	}
	results, err := t.send(ctx, query{sql, args})
	if err != nil {
		return nil, err
	}
	inner, err := results.Query()
	if err != nil {
		_ = results.Close() // the same error
		return nil, err
	}
	// If the connection breaks after the last row, the next statement tells.
	return &rows{Rows: inner, release: func() { _ = results.Close() }}, nil
}

func (t *transaction) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if t.flushed() {
		return t.Tx.QueryRow(ctx, sql, args...)
	}
	rows, err := t.Query(ctx, sql, args...)
	return row{rows, err}
}

// Begin sets a savepoint.
func (t *transaction) Begin(ctx context.Context) (pgx.Tx, error) {
	if err := t.flush(ctx); err != nil {
		return nil, err
	}
	return t.Tx.Begin(ctx)
}

func (t *transaction) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	if err := t.flush(ctx); err != nil {
		return pgx.FailedBatchResults(batch, err)
	}
	return t.Tx.SendBatch(ctx, batch)
}

func (t *transaction) Conn() *pgx.Conn { return t.conn }

// flushed reports whether nothing has to precede a statement.
func (t *transaction) flushed() bool { return t.Tx != nil && len(t.queued) == 0 }

// flush sends what precedes a statement without one.
func (t *transaction) flush(ctx context.Context) error {
	if t.flushed() {
		return nil
	}
	results, err := t.send(ctx)
	if err != nil {
		return err
	}
	return results.Close()
}

// send sends the statements after what has to precede them, and reads the results
// of the latter.
func (t *transaction) send(ctx context.Context, statements ...query) (pgx.BatchResults, error) {
	var batch pgx.Batch
	if t.Tx == nil {
		batch.BeginTx(pgx.TxOptions{})
	}
	for _, q := range t.queued {
		batch.Queue(q.sql, q.args...)
	}
	t.queued = nil
	ahead := batch.Len()
	for _, q := range statements {
		batch.Queue(q.sql, q.args...)
	}
	results := t.conn.SendBatch(ctx, &batch)
	if t.Tx == nil {
		t.Tx = results.Tx()
	}
	for range ahead {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // the same error
			return nil, err
		}
	}
	return results, nil
}
