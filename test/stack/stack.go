// Package stack promises a running vestibule for a test: all six processes, a
// Postgres server, NATS and a mailbox of its own, on ports chosen by the
// kernel and with nothing left behind.
package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Project is a seeded project with its keys.
type Project struct {
	ID                   string `json:"id"`
	PublishableClientKey string `json:"publishable_client_key"`
	SecretServerKey      string `json:"secret_server_key"`
	SuperSecretAdminKey  string `json:"super_secret_admin_key"`
}

// Stack is what dev.json tells about a running system.
type Stack struct {
	BaseURL    string             `json:"base_url"`
	MailboxURL string             `json:"mailbox_url"`
	SMTPAddr   string             `json:"smtp_addr"`
	NATSURL    string             `json:"nats_url"`
	GRPC       map[string]string  `json:"grpc"`
	Ops        map[string]string  `json:"ops"`
	Databases  map[string]string  `json:"databases"`
	PIDs       map[string]int     `json:"pids"`
	Projects   map[string]Project `json:"projects"`
	// ServiceCredential lets a backend call the services for everything.
	ServiceCredential string `json:"service_credential"`

	dataDir string
	run     *run
}

// startLimit is what starting may take on a machine that is slow and busy.
const startLimit = 15 * time.Minute

// Processes are the six of the product, in the order in which they start.
var Processes = []string{"identity", "sessions", "teams", "notifications", "payments", "gateway"}

// run is one life of the dev stack.
type run struct {
	cmd    *exec.Cmd
	output output
	// ended is closed when the process is gone, with err saying how.
	ended chan struct{}
	err   error
}

// Start starts a system with the given environment on top of the process's
// own, as NAME=value, and waits until it is ready. Binaries are built first
// when they are out of date.
func Start(ctx context.Context, env ...string) (*Stack, error) {
	root, err := repository()
	if err != nil {
		return nil, err
	}
	if output, err := command(ctx, root, "make", "build"); err != nil {
		return nil, fmt.Errorf("build: %w\n%s", err, output)
	}
	dataDir, err := os.MkdirTemp("", "vestibule-test-*")
	if err != nil {
		return nil, err
	}
	s := &Stack{dataDir: dataDir}
	if err := s.start(ctx, root, env); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dataDir))
	}
	return s, nil
}

// Restart stops the system and starts it on the same data with another
// environment.
func (s *Stack) Restart(ctx context.Context, env ...string) error {
	if err := s.end(); err != nil {
		return err
	}
	root, err := repository()
	if err != nil {
		return err
	}
	return s.start(ctx, root, env)
}

// Read tells about a system that somebody else runs on a data directory.
func Read(dataDir string) (*Stack, error) {
	s := &Stack{dataDir: dataDir}
	return s, s.Reload()
}

// Reload reads dev.json again: a process that was restarted has a new id.
func (s *Stack) Reload() error {
	text, err := os.ReadFile(filepath.Join(s.dataDir, "dev.json"))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, s)
}

// DataDir is where the system keeps its data and logs.
func (s *Stack) DataDir() string { return s.dataDir }

// Secrets is what the dev stack generated for itself.
type Secrets struct {
	// PostgresPassword is the superuser's.
	PostgresPassword string `json:"postgres_password"`
	// PrincipalKey is the seed of the Ed25519 key that signs principals.
	PrincipalKey []byte `json:"principal_key"`
	// ServiceKey signs calls between services.
	ServiceKey []byte `json:"service_key"`
	// CredentialKey is the seed of the Ed25519 key that signs the credentials
	// of backends.
	CredentialKey []byte `json:"credential_key"`
}

// Secrets reads what nobody outside the system should know.
func (s *Stack) Secrets() (Secrets, error) {
	var secrets Secrets
	text, err := os.ReadFile(filepath.Join(s.dataDir, "secrets.json"))
	if err != nil {
		return Secrets{}, err
	}
	return secrets, json.Unmarshal(text, &secrets)
}

// Logs are the log files, one per process.
func (s *Stack) Logs() ([]string, error) {
	return filepath.Glob(filepath.Join(s.dataDir, "logs", "*.log"))
}

// Stop ends the system, waits for it and removes its data.
func (s *Stack) Stop() error { return errors.Join(s.end(), os.RemoveAll(s.dataDir)) }

func (s *Stack) start(ctx context.Context, root string, env []string) error {
	r := &run{ended: make(chan struct{})}
	r.cmd = exec.Command(filepath.Join(root, "bin", "vestibule-dev"))
	r.cmd.Dir = root
	r.cmd.Env = append(append(os.Environ(), "VESTIBULE_DATA_DIR="+s.dataDir, "VESTIBULE_HTTP_ADDR=127.0.0.1:0"), env...)
	r.cmd.Stdout, r.cmd.Stderr = &r.output, &r.output
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := r.cmd.Start(); err != nil {
		return err
	}
	go func() {
		r.err = r.cmd.Wait()
		close(r.ended)
	}()
	s.run = r
	if err := s.awaitReady(ctx); err != nil {
		return errors.Join(fmt.Errorf("%w\n%s", err, r.output.String()), s.end())
	}
	return nil
}

func (s *Stack) end() error {
	_ = s.run.cmd.Process.Signal(syscall.SIGTERM)
	<-s.run.ended
	if s.run.err != nil {
		return fmt.Errorf("dev stack: %w\n%s", s.run.err, s.run.output.String())
	}
	return nil
}

// awaitReady waits for dev.json, which is written once everything answers.
func (s *Stack) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if err := s.Reload(); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("dev stack: not ready: %w", ctx.Err())
		case <-s.run.ended:
			return errors.New("dev stack: ended before it was ready")
		case <-ticker.C:
		}
	}
}

// output keeps what the dev stack prints; it is read while it grows.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// repository finds the root of the checkout.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("no go.work above the working directory")
}

func command(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}
