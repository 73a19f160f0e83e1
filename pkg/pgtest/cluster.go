package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/loopback"
)

// URLVariable names the cluster to use instead of starting one.
const URLVariable = "VESTIBULE_TEST_POSTGRES_URL"

// Cluster is a running Postgres server without durability, for tests.
type Cluster struct {
	// URL connects as superuser to the database postgres.
	URL string

	dir  string
	port *loopback.Port
	cmd  *exec.Cmd
}

// StartCluster starts a server on a port chosen by the kernel. It ends when
// this process does, however that happens.
func StartCluster(ctx context.Context) (*Cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	sweep()
	dir, err := os.MkdirTemp("", dirPrefix+strconv.Itoa(os.Getpid())+"-*")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir}
	if err := c.start(ctx, bin); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, bin string) error {
	account, err := unprivileged()
	if err != nil {
		return err
	}
	data := filepath.Join(c.dir, "data")
	if account != nil {
		if err := os.Chown(c.dir, int(account.Uid), int(account.Gid)); err != nil {
			return err
		}
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"),
		"--pgdata", data, "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	initdb.Dir = c.dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	if output, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	if c.port, err = loopback.Reserve("127.0.0.1:0"); err != nil {
		return err
	}
	var output bytes.Buffer
	c.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", data,
		"-c", "listen_addresses=127.0.0.1", "-c", "port="+strconv.Itoa(c.port.Number()), "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		// As many packages are tested at a time as there are processors, each
		// with dozens of connections.
		"-c", "max_connections=2000", "-c", "max_locks_per_transaction=16", "-c", "shared_buffers=64MB", "-c", "autovacuum=off", "-c", "wal_level=minimal", "-c", "max_wal_senders=0")
	c.cmd.Dir = c.dir
	c.cmd.Stderr = &output
	// SIGQUIT is an immediate shutdown: nothing of this cluster is kept.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account, Pdeathsig: syscall.SIGQUIT}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.URL = "postgres://postgres@" + c.port.Addr() + "/postgres"
	if err := awaitServer(ctx, c.URL); err != nil {
		return fmt.Errorf("%w\n%s", err, output.Bytes())
	}
	return nil
}

// Stop ends the server and removes its files.
func (c *Cluster) Stop() error {
	if c.cmd != nil && c.cmd.Process != nil {
		_ = c.cmd.Process.Signal(syscall.SIGQUIT)
		_ = c.cmd.Wait()
	}
	if c.port != nil {
		c.port.Release()
	}
	return os.RemoveAll(c.dir)
}

// dirPrefix begins the name of a cluster's directory; the id of the process
// that owns it follows.
const dirPrefix = "vestibule-pgtest-"

// sweep removes what processes left behind that ended without Stop.
func sweep() {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
		pid, err := strconv.Atoi(owner)
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir)
		}
	}
}

// awaitServer connects until the server answers.
func awaitServer(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the test cluster does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// binaries finds the directory of the server's programs, the newest version
// where several are installed.
func binaries() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path), nil
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	} {
		found, err := filepath.Glob(filepath.Join(pattern, "postgres"))
		if err != nil || len(found) == 0 {
			continue
		}
		slices.Sort(found)
		return filepath.Dir(found[len(found)-1]), nil
	}
	return "", errors.New("no PostgreSQL server programs found; install PostgreSQL or set " + URLVariable)
}

// unprivileged is the account to run the server as: nil means this process's
// own, which the server accepts unless it is root's.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("root may not run PostgreSQL, and there is no account postgres or nobody")
}
