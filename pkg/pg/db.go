package pg

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/tenancy"
)

// Config says which database to use and how much of it.
type Config struct {
	// URL is a connection URI; it holds a password.
	URL secret.Secret
	// MaxConns bounds the pool; 0 means 8.
	MaxConns int
	// AcquireTimeout bounds the wait for a connection; 0 means 500 ms. Beyond
	// it the caller is told to try again shortly.
	AcquireTimeout time.Duration
	// ApplicationName names the service to the server's operators.
	ApplicationName string
	// NoProjects says that the rows of this database belong to no projects: its
	// connections are not told for whom they work.
	NoProjects bool
	// AssumeAllProjects takes work that was begun for nobody to be for all
	// projects; otherwise it gets no connection. It is for tests, which look at
	// everything.
	AssumeAllProjects bool
	// Patient waits two minutes for everything that otherwise ends after seconds
	// or less. It is for tests: how busy their machine is tells nothing of the
	// program.
	Patient bool
}

// patience is how long a patient DB waits.
const patience = 2 * time.Minute

// DB is a pool of connections to one database. It is safe for concurrent use.
type DB struct {
	pool           *pgxpool.Pool
	acquireTimeout time.Duration
	noProjects     bool
	assumeAll      bool
	// background carries the values of Open's context and never ends.
	background context.Context
	// notifying holds the channels whose notification is on its way.
	notifying sync.Map
	listeners listeners
}

// Querier runs single statements. It is what sqlc's generated code asks for.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Open returns a DB. It does not wait for the server: a service may start
// before its database does.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	poolConfig, err := pgxpool.ParseConfig(cfg.URL.Reveal())
	if err != nil {
		// The parser's error may repeat the password.
		return nil, fmt.Errorf("pg: the connection URI of %s cannot be read", cfg.ApplicationName)
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 8
	}
	if cfg.AcquireTimeout == 0 {
		cfg.AcquireTimeout = 500 * time.Millisecond
		if cfg.Patient {
			cfg.AcquireTimeout = patience
		}
	}
	connect, statement := 3*time.Second, 15*time.Second
	if cfg.Patient {
		connect, statement = patience, patience
	}
	poolConfig.MaxConns = int32(cfg.MaxConns)
	poolConfig.MaxConnIdleTime = 5 * time.Minute
	poolConfig.HealthCheckPeriod = 15 * time.Second
	poolConfig.ConnConfig.ConnectTimeout = connect
	poolConfig.ConnConfig.RuntimeParams["application_name"] = cfg.ApplicationName
	// A statement nobody waits for any more must not hold its locks for long.
	poolConfig.ConnConfig.RuntimeParams["statement_timeout"] = milliseconds(statement)
	poolConfig.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = milliseconds(statement)
	poolConfig.ConnConfig.Tracer = tracer{}
	if !cfg.NoProjects {
		poolConfig.PrepareConn = dedicate
	}
	pool, err := pgxpool.NewWithConfig(ctx, poolConfig)
	if err != nil {
		return nil, fmt.Errorf("pg: open pool: %w", err)
	}
	return &DB{
		pool:           pool,
		acquireTimeout: cfg.AcquireTimeout,
		noProjects:     cfg.NoProjects,
		assumeAll:      cfg.AssumeAllProjects,
		background:     context.WithoutCancel(ctx),
	}, nil
}

// milliseconds is a duration as Postgres reads a setting.
func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Close waits for the connections in use and closes all.
func (db *DB) Close() { db.pool.Close() }

// Ping reports whether the server answers.
func (db *DB) Ping(ctx context.Context) error {
	conn, err := db.acquire(tenancy.ForNoProject(ctx))
	if err != nil {
		return err
	}
	defer conn.Release()
	return classify(conn.Ping(ctx))
}

// Stat tells how the pool is used.
func (db *DB) Stat() *pgxpool.Stat { return db.pool.Stat() }

// Querier returns the transaction that ctx carries for this DB, or else the
// pool.
func (db *DB) Querier(ctx context.Context) Querier {
	if tx := db.ambient(ctx); tx != nil {
		if err := db.check(ctx, tx); err != nil {
			return refusal{err}
		}
		return tx
	}
	return poolQuerier{db}
}

// acquire takes a connection from the pool within the acquire timeout. It works
// for whom the context says.
func (db *DB) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, err := db.scoped(ctx)
	if err != nil {
		return nil, err
	}
	acquireCtx, cancel := context.WithTimeout(ctx, db.acquireTimeout)
	defer cancel()
	conn, err := db.pool.Acquire(acquireCtx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		// Whether the pool is exhausted or the server away, the caller can do
		// no better than to come back.
		return nil, unavailable(err)
	}
	return conn, nil
}

// poolQuerier runs each statement on a connection of its own.
type poolQuerier struct{ db *DB }

func (q poolQuerier) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	conn, err := q.db.acquire(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer conn.Release()
	tag, err := conn.Exec(ctx, sql, args...)
	return tag, classify(err)
}

func (q poolQuerier) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	conn, err := q.db.acquire(ctx)
	if err != nil {
		return nil, err
	}
	inner, err := conn.Query(ctx, sql, args...)
	if err != nil {
		conn.Release()
		return nil, classify(err)
	}
	bound, _ := ctx.Value(boundKey{}).(int)
	return &rows{Rows: inner, release: conn.Release, bound: bound, abandon: func() { _ = conn.Conn().Close(ctx) }}, nil
}

func (q poolQuerier) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := q.Query(ctx, sql, args...)
	return row{rows, err}
}

// row is the first of rows.
type row struct {
	rows pgx.Rows
	err  error
}

func (r row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return classify(err)
	}
	r.rows.Close()
	return r.rows.Err()
}
