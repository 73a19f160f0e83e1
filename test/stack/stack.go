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
	Databases  map[string]string  `json:"databases"`
	PIDs       map[string]int     `json:"pids"`
	Projects   map[string]Project `json:"projects"`

	dataDir string
	cmd     *exec.Cmd
	output  *bytes.Buffer
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
	s := &Stack{dataDir: dataDir, output: &bytes.Buffer{}}
	s.cmd = exec.Command(filepath.Join(root, "bin", "vestibule-dev"))
	s.cmd.Dir = root
	s.cmd.Env = append(append(os.Environ(), "VESTIBULE_DATA_DIR="+dataDir, "VESTIBULE_HTTP_ADDR=127.0.0.1:0"), env...)
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.awaitReady(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, s.output), s.Stop())
	}
	return s, nil
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

// Stop ends the system, waits for it and removes its data.
func (s *Stack) Stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	err := s.cmd.Wait()
	if err != nil {
		err = fmt.Errorf("dev stack: %w\n%s", err, s.output)
	}
	return errors.Join(err, os.RemoveAll(s.dataDir))
}

// awaitReady waits for dev.json, which is written once everything answers.
func (s *Stack) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		if err := s.Reload(); err == nil {
			return nil
		}
		if s.cmd.Process.Signal(syscall.Signal(0)) != nil {
			return errors.New("dev stack: ended before it was ready")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("dev stack: not ready: %w", ctx.Err())
		case <-ticker.C:
		}
	}
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
