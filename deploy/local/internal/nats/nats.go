// Package nats runs a NATS server with JetStream inside the dev stack.
package nats

import (
	"errors"
	"fmt"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// Server is a running NATS server.
type Server struct {
	server *natsserver.Server
}

// Config says where the server keeps things.
type Config struct {
	Dir     string // holds the streams
	LogFile string
}

const (
	startTimeout = time.Minute
	maxLogBytes  = 32 << 20 // of one log file
)

// Start runs the server on a loopback port of the kernel's choice and returns
// when it takes connections.
func Start(config Config) (*Server, error) {
	options := &natsserver.Options{
		ServerName: "vestibule-dev",
		Host:       "127.0.0.1",
		Port:       natsserver.RANDOM_PORT,
		JetStream:  true,
		StoreDir:   config.Dir,
		LogFile:    config.LogFile,
		// The server rotates the file itself.
		LogSizeLimit: maxLogBytes,
		LogMaxFiles:  2,
		NoSigs:       true, // signals are the dev stack's business
	}
	server, err := natsserver.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	server.ConfigureLogger()
	server.Start()
	if !server.ReadyForConnections(startTimeout) {
		server.Shutdown()
		return nil, errors.New("nats: did not become ready, see " + config.LogFile)
	}
	return &Server{server: server}, nil
}

// URL is where clients connect.
func (s *Server) URL() string { return s.server.ClientURL() }

// Stop closes all connections, writes what is buffered and waits for the end.
func (s *Server) Stop() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}
