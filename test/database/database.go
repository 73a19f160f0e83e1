// Package database promises to look into the databases of a running system
// without changing them.
package database

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/test/client"
)

// Set is a connection to every service's database. It is not safe for
// concurrent use.
type Set struct {
	conns map[string]*pgx.Conn
	// digests is the statement that describes each database.
	digests map[string]string
	// last is the digest of when the server's transactions were those of
	// lastSnapshot; all databases share one server.
	last         map[string]string
	lastSnapshot string
}

// Open connects to the databases that dev.json names.
func Open(ctx context.Context, urls map[string]string) (*Set, error) {
	s := &Set{conns: map[string]*pgx.Conn{}, digests: map[string]string{}}
	for service, target := range urls {
		conn, err := pgx.Connect(ctx, target)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("database %s: %w", service, err), s.Close(ctx))
		}
		s.conns[service] = conn
		if s.digests[service], err = digestOf(ctx, conn); err != nil {
			return nil, errors.Join(fmt.Errorf("database %s: %w", service, err), s.Close(ctx))
		}
	}
	return s, nil
}

// Close ends the connections.
func (s *Set) Close(ctx context.Context) error {
	var errs []error
	for _, conn := range s.conns {
		errs = append(errs, conn.Close(ctx))
	}
	return errors.Join(errs...)
}

// Services are the names of the databases, sorted.
func (s *Set) Services() []string { return slices.Sorted(maps.Keys(s.conns)) }

// Conn is the connection to one service's database.
func (s *Set) Conn(service string) *pgx.Conn { return s.conns[service] }

// Has reports whether a service's database has a table.
func (s *Set) Has(ctx context.Context, service, table string) (bool, error) {
	var found bool
	err := s.conns[service].QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", table).Scan(&found)
	return found, err
}

// digestOf composes the statement that hashes every row of every table.
func digestOf(ctx context.Context, conn *pgx.Conn) (string, error) {
	rows, err := conn.Query(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename`)
	if err != nil {
		return "", err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return "", err
	}
	var parts []string
	for _, table := range tables {
		if slices.Contains(clocks, table) {
			continue
		}
		parts = append(parts, fmt.Sprintf(
			`SELECT '%[1]s', coalesce(md5(string_agg(h, '' ORDER BY h)), '') FROM (SELECT md5(t::text) AS h FROM %[2]s t) AS hashed`,
			table, pgx.Identifier{table}.Sanitize()))
	}
	return strings.Join(parts, " UNION ALL "), nil
}

// Digest is a hash of the content of every table, by service.table. Two equal
// digests mean that nothing was written in between.
func (s *Set) Digest(ctx context.Context) (map[string]string, error) {
	// No transaction that wrote has ended since, so nothing can have changed.
	// Read first: what ends while the digest is made counts as later.
	snapshot, err := s.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if s.last != nil && snapshot == s.lastSnapshot {
		return s.last, nil
	}
	digest := map[string]string{}
	for service, statement := range s.digests {
		if statement == "" {
			continue
		}
		rows, err := s.conns[service].Query(ctx, statement)
		if err != nil {
			return nil, fmt.Errorf("digest of %s: %w", service, err)
		}
		var table, hash string
		if _, err := pgx.ForEachRow(rows, []any{&table, &hash}, func() error {
			digest[service+"."+table] = hash
			return nil
		}); err != nil {
			return nil, fmt.Errorf("digest of %s: %w", service, err)
		}
	}
	s.last, s.lastSnapshot = digest, snapshot
	return digest, nil
}

// snapshot says which transactions that write have ended: the latest one, and
// of those before it the ones that have not.
func (s *Set) snapshot(ctx context.Context) (snapshot string, err error) {
	for _, conn := range s.conns {
		if err := conn.QueryRow(ctx, "SELECT pg_current_snapshot()::text").Scan(&snapshot); err != nil {
			return "", fmt.Errorf("transactions: %w", err)
		}
		break
	}
	return snapshot, nil
}

// Changed names the tables in which two digests differ.
func Changed(before, after map[string]string) []string {
	var changed []string
	for table, hash := range after {
		if before[table] != hash {
			changed = append(changed, table)
		}
	}
	slices.Sort(changed)
	return changed
}

// Settle waits until the system has digested all it was told: every event is
// published, every mail is handed over, what else is to be looked at says nil,
// such as [events.Log.Drained], which knows of events that are on their way to
// a consumer, and nothing was written from before these looks until after them.
func (s *Set) Settle(ctx context.Context, quiet ...func(context.Context) error) error {
	var last map[string]string
	return client.Poll(ctx, func(ctx context.Context) error {
		var errs []error
		for _, look := range quiet {
			errs = append(errs, look(ctx))
		}
		pending, err := s.pending(ctx)
		if err != nil {
			return err
		}
		if len(pending) > 0 {
			errs = append(errs, fmt.Errorf("work is left: %v", pending))
		}
		digest, err := s.Digest(ctx)
		if err != nil {
			return err
		}
		if changed := Changed(last, digest); len(changed) > 0 {
			errs = append(errs, fmt.Errorf("still changing: %v", changed))
		}
		last = digest
		return errors.Join(errs...)
	})
}

// waiting counts the rows that stand for work to be done, by table.
var waiting = map[string]string{
	"outbox":        "SELECT count(*) FROM outbox WHERE published_at IS NULL",
	"courier_mails": "SELECT count(*) FROM courier_mails",
	"emails":        "SELECT count(*) FROM emails WHERE finished_sending_at IS NULL AND skipped_reason IS NULL",
}

// clocks are tables that only say when a worker last looked around, or how often
// somebody tried something in vain.
var clocks = []string{"email_queue_steps", "guesses", "throttles"}

func (s *Set) pending(ctx context.Context) ([]string, error) {
	var pending []string
	for _, service := range s.Services() {
		for table, statement := range waiting {
			if found, err := s.Has(ctx, service, table); err != nil {
				return nil, err
			} else if !found {
				continue
			}
			var n int
			if err := s.conns[service].QueryRow(ctx, statement).Scan(&n); err != nil {
				return nil, fmt.Errorf("%s.%s: %w", service, table, err)
			}
			if n > 0 {
				pending = append(pending, fmt.Sprintf("%d of %s.%s", n, service, table))
			}
		}
	}
	return pending, nil
}

// Superuser is the URL of the server's superuser on the database of another
// URL, given the password that the dev stack keeps.
func Superuser(target, password string) (string, error) {
	u, err := url.Parse(target)
	if err != nil {
		return "", err
	}
	u.User = url.UserPassword("postgres", password)
	u.Path = "/postgres"
	return u.String(), nil
}
