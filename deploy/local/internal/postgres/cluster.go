package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/deploy/local/internal/supervise"
	"vestibule.dev/pkg/loopback"
)

// superuser is the role that initdb creates.
const superuser = "postgres"

// Cluster describes the stack's own server.
type Cluster struct {
	Binaries Binaries
	Dir      string // the data directory of the server; made when missing
	Port     *loopback.Port
	Password string // of the superuser
	Log      io.Writer
}

// Server is a running cluster.
type Server struct {
	*supervise.Process
	URL   string // as superuser
	files handover
}

// Start makes the cluster if there is none yet and runs the server until Stop.
func (c Cluster) Start(ctx context.Context, observer supervise.Observer) (*Server, error) {
	if err := c.init(ctx); err != nil {
		return nil, fmt.Errorf("create the database cluster: %w", err)
	}
	runAs, err := owner(c.Dir)
	if err != nil {
		return nil, err
	}
	if err := endLeftover(ctx, c.Dir); err != nil {
		return nil, err
	}
	server := &Server{URL: c.url()}
	dir, err := server.files.path(c.Dir)
	if err != nil {
		return nil, err
	}
	server.Process, err = supervise.Start(ctx, supervise.Spec{
		Name: "postgres",
		Path: filepath.Join(c.Binaries.Dir, "postgres"),
		Args: c.arguments(dir),
		Env:  environment(),
		// The parent's directory may be closed to the server's user.
		Dir:        "/",
		Files:      server.files.files,
		Credential: runAs,
		Output:     c.Log,
		Probe: func(ctx context.Context) error {
			conn, err := pgx.Connect(ctx, server.URL)
			if err != nil {
				return err
			}
			return conn.Close(ctx)
		},
		StopSignal:   syscall.SIGINT,  // "fast": sessions end, a checkpoint is written
		Grace:        2 * time.Minute, // on a slow disk
		OrphanSignal: syscall.SIGQUIT, // "immediate": the next start recovers from the log
	}, observer)
	if err != nil {
		server.files.close()
		return nil, err
	}
	return server, nil
}

// Stop shuts the server down and waits for it.
func (s *Server) Stop(ctx context.Context) {
	s.Process.Stop(ctx)
	s.files.close()
}

func (c Cluster) arguments(dir string) []string {
	args := []string{"-D", dir}
	for _, setting := range []string{
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(c.Port.Number()),
		"unix_socket_directories=",
		"max_connections=200",
		"jit=off", // compiling costs more than it saves on short statements
		"logging_collector=off",
		"log_line_prefix=%m [%p] %u@%d ",
		// Anything more would show the values of a refused row.
		"log_error_verbosity=terse",
		"log_min_error_statement=panic",
	} {
		args = append(args, "-c", setting)
	}
	return args
}

func (c Cluster) url() string {
	return (&url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, c.Password),
		Host:     c.Port.Addr(),
		Path:     "/postgres",
		RawQuery: "sslmode=disable",
	}).String()
}

// init builds the cluster beside its place and moves it there when it is
// whole, so that an interrupted first start is simply repeated.
func (c Cluster) init(ctx context.Context) error {
	version, err := ClusterVersion(c.Dir)
	if err != nil || version != 0 {
		return err
	}
	building := c.Dir + ".new"
	if err := os.RemoveAll(building); err != nil {
		return err
	}
	if err := os.MkdirAll(building, 0o700); err != nil {
		return err
	}
	runAs, err := owner(building)
	if err != nil {
		return err
	}
	password := building + ".password"
	defer os.Remove(password)
	if err := os.WriteFile(password, []byte(c.Password), 0o600); err != nil {
		return err
	}
	if err := errors.Join(give(building, runAs), give(password, runAs)); err != nil {
		return err
	}

	// C.UTF-8 sorts the same everywhere and still knows the letters of all
	// languages; machines without it get plain C.
	for _, locale := range []string{"C.UTF-8", "C"} {
		if err = c.initdb(ctx, building, password, locale, runAs); err == nil {
			return os.Rename(building, c.Dir)
		}
	}
	return err
}

func (c Cluster) initdb(ctx context.Context, dir, password, locale string, runAs *syscall.Credential) error {
	var files handover
	defer files.close()
	dirPath, err := files.path(dir)
	if err != nil {
		return err
	}
	passwordPath, err := files.path(password)
	if err != nil {
		return err
	}
	return supervise.Run(ctx, supervise.Spec{
		Name: "initdb",
		Path: filepath.Join(c.Binaries.Dir, "initdb"),
		Args: []string{
			"--pgdata", dirPath, "--username", superuser, "--pwfile", passwordPath,
			"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", locale,
		},
		Env:        environment(),
		Dir:        "/",
		Files:      files.files,
		Credential: runAs,
		Output:     c.Log,
	})
}

// environment is what the server needs of ours. PG* variables are the
// caller's own and must not steer it.
func environment() []string {
	var env []string
	for _, name := range []string{"PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return slices.Clip(append(env, "LC_ALL=C"))
}

// endLeftover ends a server that still runs on dir because its stack was
// killed a moment ago. Nobody else can own it: the caller holds the lock of
// the data directory.
func endLeftover(ctx context.Context, dir string) error {
	content, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var pid int
	if _, err := fmt.Sscan(string(content), &pid); err != nil || !servesFrom(pid, dir) {
		return nil // stale: the server itself knows what to do with it
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end the former database server (pid %d): %w", pid, err)
	}
	return untilGone(ctx, pid, dir)
}
