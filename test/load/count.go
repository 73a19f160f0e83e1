package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/test/client"
	"vestibule.dev/test/database"
	"vestibule.dev/test/events"
	"vestibule.dev/test/stack"
)

// count is what one request makes the system do before it is answered.
type count struct {
	// sql counts statements, transactions the explicit ones of them; BEGIN and
	// COMMIT are not statements.
	sql, transactions int
	// hops counts calls between processes.
	hops int
	// statements and calls say what they were.
	statements, calls []string
}

// counter reads the logs of the database server and of the services. Both must
// be at their most talkative: the first is made so by a superuser, the second
// by the environment the system was started with.
type counter struct {
	system    *stack.Stack
	conn      *pgx.Conn
	databases *database.Set
	stream    *events.Log
}

// countingEnvironment is how a system must be started to be counted.
const countingEnvironment = "VESTIBULE_LOG_LEVEL=debug"

func newCounter(ctx context.Context, system *stack.Stack) (*counter, error) {
	superuser, err := superuser(system)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, superuser)
	if err != nil {
		return nil, err
	}
	c := &counter{system: system, conn: conn}
	if err := c.open(ctx); err != nil {
		return nil, errors.Join(err, c.close(ctx))
	}
	return c, nil
}

// open makes the database server talkative and opens what tells when the system
// has nothing to do.
func (c *counter) open(ctx context.Context) (err error) {
	for _, setting := range []string{
		"log_statement = 'all'",
		// Lines that fit into a pipe at once are not mixed with others.
		"log_parameter_max_length = 0",
	} {
		if _, err := c.conn.Exec(ctx, "ALTER SYSTEM SET "+setting); err != nil {
			return err
		}
	}
	// The server tells its connections of new settings one after the other,
	// some time after it was asked to. Once this one has heard of a second
	// round, all have heard of the first.
	for range 2 {
		if err := c.reload(ctx); err != nil {
			return err
		}
	}
	if c.databases, err = database.Open(ctx, c.system.Databases); err != nil {
		return err
	}
	c.stream, err = events.Open(c.system.NATSURL)
	return err
}

// reload makes the database server read its settings, and returns when this
// connection has been told of them.
func (c *counter) reload(ctx context.Context) error {
	const loaded = "SELECT pg_conf_load_time()::text"
	var before, now string
	if err := c.conn.QueryRow(ctx, loaded).Scan(&before); err != nil {
		return err
	}
	if _, err := c.conn.Exec(ctx, "SELECT pg_reload_conf()"); err != nil {
		return err
	}
	return client.Poll(ctx, func(ctx context.Context) error {
		err := c.conn.QueryRow(ctx, loaded).Scan(&now)
		if err == nil && now == before {
			err = errors.New("the database server does not read its settings")
		}
		return err
	})
}

// close makes the database server quiet again.
func (c *counter) close(ctx context.Context) error {
	var errs []error
	for _, setting := range []string{"log_statement", "log_parameter_max_length"} {
		_, err := c.conn.Exec(ctx, "ALTER SYSTEM RESET "+setting)
		errs = append(errs, err)
	}
	if c.databases != nil {
		errs = append(errs, c.databases.Close(ctx))
	}
	if c.stream != nil {
		c.stream.Close()
	}
	return errors.Join(append(errs, c.conn.Close(ctx))...)
}

func superuser(system *stack.Stack) (string, error) {
	secrets, err := system.Secrets()
	if err != nil {
		return "", err
	}
	return database.Superuser(system.Databases["identity"], secrets.PostgresPassword)
}

// samples is how many requests are counted; what most of them take is the
// figure, because work that is done for the next minute falls to one of them.
const samples = 9

// count sends requests one after the other and looks up what each of them
// took.
func (c *counter) count(ctx context.Context, next func() *http.Request) (count, error) {
	web := pool(1)
	defer web.CloseIdleConnections()
	if _, err := send(web, next()); err != nil { // warms caches
		return count{}, err
	}
	counts := make([]count, samples)
	for i := range counts {
		begin, err := c.mark(ctx)
		if err != nil {
			return count{}, err
		}
		answer, err := web.Do(next())
		if err != nil {
			return count{}, err
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return count{}, fmt.Errorf("counting: %s", answer.Status)
		}
		end, err := c.mark(ctx)
		if err != nil {
			return count{}, err
		}
		if counts[i].calls, err = c.calls(ctx, answer.Header.Get("X-Hexclave-Request-Id")); err != nil {
			return count{}, err
		}
		counts[i].hops = len(counts[i].calls)
		if err := c.statements(ctx, &counts[i], begin, end); err != nil {
			return count{}, err
		}
	}
	slices.SortFunc(counts, func(a, b count) int { return (a.sql + a.hops) - (b.sql + b.hops) })
	return counts[len(counts)/2], nil
}

// mark leaves a line in the database server's log.
func (c *counter) mark(ctx context.Context) (string, error) {
	mark := "mark " + rand.Text()
	_, err := c.conn.Exec(ctx, "SELECT '"+mark+"'", pgx.QueryExecModeSimpleProtocol)
	return mark, err
}

// statement is one line of the database server's log.
var statement = regexp.MustCompile(`\[(\d+)\] ([^@\s]*)@(\S+) LOG:  (?:execute [^:]*|statement): ((?s).*)`)

// Work that no request waits for: the outbox relay and what wakes it, consumers
// of events, the courier's worker and what keeps a pool alive.
var background = regexp.MustCompile(`(?i)\blisten\b|^select pg_notify\(|pg_(try_)?advisory|\binbox|\b(from|update|delete from)\s+outbox\b|` +
	`\b(update|delete from|from)\s+courier_mails\b|\bfrom throttles\b.*full_at <|^\s*-- ping|^\s*;?\s*$`)

var control = regexp.MustCompile(`(?i)^\s*(begin|commit|rollback|savepoint|release|set local|start transaction)\b`)

// statements reads what the server did for requests between two marks.
func (c *counter) statements(ctx context.Context, into *count, begin, end string) error {
	var window []string
	err := client.Poll(ctx, func(context.Context) error {
		text, err := os.ReadFile(filepath.Join(c.system.DataDir(), "logs", "postgres.log"))
		if err != nil {
			return err
		}
		_, after, ok := bytes.Cut(text, []byte(begin))
		if !ok {
			return errors.New("the database server does not log statements")
		}
		between, _, ok := bytes.Cut(after, []byte(end))
		if !ok {
			return errors.New("the database server's log is behind")
		}
		window = entries(string(between))
		return nil
	})
	if err != nil {
		return err
	}
	// The services that the request passed through; what happens in other
	// databases meanwhile has another cause.
	passed := map[string]bool{}
	for _, call := range into.calls {
		context, _, _ := strings.Cut(strings.TrimPrefix(call, "/"), ".")
		passed[context] = true
	}
	// A transaction is background work if one of its statements is.
	transactions := map[string][]string{}
	finish := func(backend string) {
		group := transactions[backend]
		delete(transactions, backend)
		if slices.ContainsFunc(group, background.MatchString) {
			return
		}
		explicit := false
		for _, sql := range group {
			if control.MatchString(sql) {
				explicit = true
				continue
			}
			into.sql++
			into.statements = append(into.statements, sql)
		}
		if explicit {
			into.transactions++
		}
	}
	for _, entry := range window {
		match := statement.FindStringSubmatch(entry)
		if match == nil {
			continue
		}
		backend, sql := match[1], match[4]
		service := match[3][strings.LastIndexAny(match[3], "_")+1:]
		if !passed[service] {
			continue
		}
		_, within := transactions[backend]
		transactions[backend] = append(transactions[backend], strings.TrimSpace(sql))
		lower := strings.ToLower(strings.TrimSpace(sql))
		switch {
		case strings.HasPrefix(lower, "begin") || strings.HasPrefix(lower, "start transaction"):
		case strings.HasPrefix(lower, "commit") || strings.HasPrefix(lower, "rollback"), !within:
			finish(backend)
		}
	}
	return nil
}

// entries joins the lines of a log to statements: a line that begins with a
// tab continues the one before.
func entries(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "\t") && len(found) > 0 {
			found[len(found)-1] += line
			continue
		}
		found = append(found, line)
	}
	return found
}

// calls lists the calls that a request caused, from the logs of the services.
func (c *counter) calls(ctx context.Context, requestID string) ([]string, error) {
	var found []string
	err := client.Poll(ctx, func(context.Context) error {
		found = found[:0]
		for service := range c.system.GRPC {
			calls, err := callsIn(filepath.Join(c.system.DataDir(), "logs", service+".log"), requestID)
			if err != nil {
				return err
			}
			found = append(found, calls...)
		}
		if len(found) == 0 {
			return fmt.Errorf("no service has logged request %s", requestID)
		}
		return nil
	})
	return found, err
}

func callsIn(path, requestID string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var found []string
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if !bytes.Contains(scanner.Bytes(), []byte(requestID)) {
			continue
		}
		var line struct {
			Message   string `json:"msg"`
			Method    string `json:"method"`
			RequestID string `json:"request_id"`
		}
		if json.Unmarshal(scanner.Bytes(), &line) == nil && line.Message == "rpc" && line.RequestID == requestID {
			found = append(found, line.Method)
		}
	}
	return found, scanner.Err()
}
