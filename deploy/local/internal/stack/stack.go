package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"vestibule.dev/deploy/local/devfile"
	"vestibule.dev/deploy/local/internal/nats"
	"vestibule.dev/deploy/local/internal/supervise"
	"vestibule.dev/deploy/local/mailbox"
	"vestibule.dev/pkg/loopback"
)

// stack is a system that starts, runs or stops.
type stack struct {
	settings Settings
	console  *console
	began    time.Time
	system   system
	lock     *lock
	closers  []func(context.Context) error // in the order of starting

	mu        sync.Mutex
	logs      map[string]*logFile
	processes map[string]*supervise.Process
	dev       devfile.File
	ready     bool // dev.json may be written
}

// Run starts the system, says where it is, keeps it running until ctx ends and
// stops it. A signal that arrives while it stops makes it stop at once.
func Run(ctx context.Context, settings Settings, out io.Writer) error {
	s := &stack{
		settings:  settings,
		console:   &console{out: out},
		began:     time.Now(),
		logs:      map[string]*logFile{},
		processes: map[string]*supervise.Process{},
	}
	err := s.start(ctx)
	if err == nil {
		s.welcome()
		<-ctx.Done()
		s.console.say("vestibule", "stopping")
	} else if ctx.Err() != nil {
		err = nil // asked to stop while starting
	}

	hurry, cancel := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	return errors.Join(err, s.stop(hurry))
}

// start brings everything up in order. What has been started when it fails is
// left to stop.
func (s *stack) start(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.checkPrograms,
		s.openDataDir,
		s.loadSecrets,
		s.reservePorts,
		s.startPostgres,
		s.startNATS,
		s.startMailbox,
		s.startProcesses,
		s.seed,
		s.announce,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// stop ends everything in the reverse order of starting.
func (s *stack) stop(hurry context.Context) error {
	var errs []error
	for _, closer := range slices.Backward(s.closers) {
		errs = append(errs, closer(hurry))
	}
	return errors.Join(errs...)
}

func (s *stack) onStop(closer func(hurry context.Context) error) {
	s.closers = append(s.closers, closer)
}

func (s *stack) checkPrograms(context.Context) error {
	for _, name := range append(slices.Clone(services), gateway) {
		if _, err := os.Stat(s.program(name)); err != nil {
			return fmt.Errorf("the program %s is missing: build it first (make build)", s.program(name))
		}
	}
	return nil
}

func (s *stack) program(name string) string { return filepath.Join(s.settings.BinDir, name) }

func (s *stack) logDir() string { return filepath.Join(s.settings.DataDir, "logs") }

// openDataDir makes the directory and locks it.
func (s *stack) openDataDir(context.Context) error {
	if err := os.MkdirAll(s.logDir(), 0o700); err != nil {
		return err
	}
	var err error
	if s.lock, err = acquire(s.settings.DataDir); err != nil {
		return err
	}
	s.onStop(func(context.Context) error { return s.lock.release() })
	s.console.say("vestibule", "starting, with the data in %s", fromHere(s.settings.DataDir))
	// One is left when the last stack was killed.
	return devfile.Remove(s.settings.DataDir)
}

func (s *stack) loadSecrets(context.Context) error {
	kept, err := loadSecrets(s.settings.DataDir)
	if err != nil {
		return err
	}
	s.system = system{settings: s.settings, secrets: kept}
	s.dev = devfile.File{PIDs: map[string]int{}, Projects: kept.projects(s.settings), ServiceCredential: kept.Credential}
	return nil
}

// reservePorts fixes all addresses, so that every process can be told of all
// others before any of them runs.
func (s *stack) reservePorts(context.Context) error {
	api, err := s.reserve(s.settings.HTTPAddr)
	if loopback.InUse(err) {
		return fmt.Errorf("%s is in use by another program: end it, or set VESTIBULE_HTTP_ADDR to another address (port 0 takes any free one)", s.settings.HTTPAddr)
	}
	if err != nil {
		return fmt.Errorf("VESTIBULE_HTTP_ADDR: %w", err)
	}
	s.system.httpAddr, s.system.publicURL = api.Addr(), api.Origin()
	s.system.grpc = make(map[string]string, len(services))
	for _, name := range services {
		port, err := s.reserve(anyPort)
		if err != nil {
			return err
		}
		s.system.grpc[name] = port.Addr()
	}
	s.system.ops = make(map[string]string, len(services)+1)
	for _, name := range append(slices.Clone(services), gateway) {
		port, err := s.reserve(anyPort)
		if err != nil {
			return err
		}
		s.system.ops[name] = port.Addr()
	}
	s.dev.BaseURL, s.dev.GRPC, s.dev.Ops = s.system.publicURL, s.system.grpc, s.system.ops
	return s.lock.describe(s.system.publicURL)
}

const anyPort = "127.0.0.1:0"

func (s *stack) reserve(addr string) (*loopback.Port, error) {
	port, err := loopback.Reserve(addr)
	if err != nil {
		return nil, err
	}
	s.onStop(func(context.Context) error { port.Release(); return nil })
	return port, nil
}

func (s *stack) startNATS(context.Context) error {
	server, err := nats.Start(nats.Config{
		Dir:     filepath.Join(s.settings.DataDir, "nats"),
		LogFile: filepath.Join(s.logDir(), "nats.log"),
	})
	if err != nil {
		return err
	}
	s.onStop(func(context.Context) error { server.Stop(); return nil })
	s.system.natsURL, s.dev.NATSURL = server.URL(), server.URL()
	return nil
}

// startMailbox starts the mailbox, which is there even when mails go elsewhere:
// tools may expect it.
func (s *stack) startMailbox(context.Context) error {
	server, err := mailbox.Start(mailbox.Config{
		SMTPAddr: anyPort,
		HTTPAddr: anyPort,
		Dir:      filepath.Join(s.settings.DataDir, "mailbox"),
	})
	if err != nil {
		return err
	}
	s.onStop(func(context.Context) error { return server.Stop() })
	s.dev.SMTPAddr, s.dev.MailboxURL = server.SMTPAddr(), server.URL()
	s.system.smtpURL = "smtp://" + server.SMTPAddr()
	override(&s.system.smtpURL, s.settings.SMTPURL)
	return nil
}

// announce writes dev.json: from here on the system is ready.
func (s *stack) announce(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = true
	s.onStop(func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ready = false
		return devfile.Remove(s.settings.DataDir)
	})
	return s.writeDev()
}

// writeDev writes dev.json with the current process ids; mu is held.
func (s *stack) writeDev() error {
	for name, process := range s.processes {
		s.dev.PIDs[name] = process.PID()
	}
	return s.dev.Write(s.settings.DataDir)
}
