// Package natstest promises each test a real NATS server with JetStream of its
// own, which the test can stop, wipe and start again.
package natstest

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Server is an in-process NATS server on a port of its own.
type Server struct {
	t       testing.TB
	dir     string
	options server.Options
	running *server.Server
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := in(t.TempDir())
	s.t = t
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Run starts a server for more than one test, with its store in a directory of
// the caller, who stops it.
func Run(dir string) (*Server, error) {
	s := in(dir)
	return s, s.Up()
}

func in(dir string) *Server {
	return &Server{dir: dir, options: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true,
	}}
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
	if !running.ReadyForConnections(10 * time.Second) {
		return errors.New("natstest: the server does not accept connections")
	}
	s.options.Port = options.Port
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
