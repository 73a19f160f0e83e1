// Package natstest promises each test a real NATS server with JetStream of its
// own, which the test can stop, wipe and start again.
package natstest

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"vestibule.dev/pkg/loopback"
)

// startLimit is what the server may take to start on a busy machine.
const startLimit = time.Minute

// Server is an in-process NATS server on a port of its own.
type Server struct {
	t       testing.TB
	dir     string
	port    *loopback.Port
	options server.Options
	running *server.Server
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s, err := in(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.port.Release)
	s.t = t
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Run starts a server for more than one test, with its store in a directory of
// the caller, who stops it. Its port is held until the process ends.
func Run(dir string) (*Server, error) {
	s, err := in(dir)
	if err != nil {
		return nil, err
	}
	return s, s.Up()
}

// in prepares a server. Its port is its own while it is stopped too: whoever
// connects meanwhile could be given it otherwise.
func in(dir string) (*Server, error) {
	port, err := loopback.Reserve("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &Server{dir: dir, port: port, options: server.Options{
		Host: "127.0.0.1", Port: port.Number(), JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true,
	}}, nil
}

// URL is where clients connect; it stays the same across restarts.
func (s *Server) URL() string { return s.running.ClientURL() }

// Start starts the server after a Stop.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.Up(); err != nil {
		s.t.Fatal(err)
	}
}

// Up is Start for a server of [Run].
func (s *Server) Up() error {
	options := s.options
	running, err := server.NewServer(&options)
	if err != nil {
		return err
	}
	running.Start()
	if !running.ReadyForConnections(startLimit) {
		return errors.New("natstest: the server does not accept connections")
	}
	s.running = running
	return nil
}

// Stop ends the server; its store stays.
func (s *Server) Stop() {
	s.running.Shutdown()
	s.running.WaitForShutdown()
}

// Wipe deletes the store of a stopped server.
func (s *Server) Wipe() {
	s.t.Helper()
	if err := os.RemoveAll(s.dir); err != nil {
		s.t.Fatal(err)
	}
}
