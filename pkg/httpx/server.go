package httpx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// drainLimit is how long requests may take to finish when the server stops.
const drainLimit = 20 * time.Second

// ServerConfig configures [NewServer].
type ServerConfig struct {
	Handler http.Handler
	// MaxBody is the largest request body as sent, in bytes. 0 means 9 MiB: a
	// little more than the API accepts, so that its own answer comes first.
	MaxBody int64
	// MaxConnections bounds the open connections and with them the file
	// descriptors. 0 means 8192.
	MaxConnections int
	// HeaderTimeout bounds the time for the headers of a request. 0 means 5 s.
	HeaderTimeout time.Duration
	// AllowMemory, if any, is told about how many bytes the open connections hold
	// in buffers and stacks, whenever that has changed by megabytes.
	AllowMemory func(bytes int64)
	Logger      *slog.Logger
}

// Server is an HTTP server with every limit set.
type Server struct {
	http           *http.Server
	maxConnections int
}

// NewServer returns a server of HTTP/1. Its limits are: 5 s for the headers, 30 s
// for a whole request, 60 s of idling, 32 KiB of headers, and those of cfg. Times
// are up to 1.25 s shorter, for each connection another, see [spread].
func NewServer(cfg ServerConfig) *Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 9 << 20
	}
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = 8192
	}
	if cfg.HeaderTimeout == 0 {
		cfg.HeaderTimeout = 5 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.AllowMemory == nil {
		cfg.AllowMemory = func(int64) {}
	}
	connections := &crowd{allow: cfg.AllowMemory}
	return &Server{
		http: &http.Server{
			Handler:           http.MaxBytesHandler(cfg.Handler, cfg.MaxBody),
			ReadHeaderTimeout: cfg.HeaderTimeout,
			ReadTimeout:       30 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       60 * time.Second,
			MaxHeaderBytes:    32 << 10,
			ConnState:         connections.changed,
			// Whoever ends TLS in front speaks HTTP/2 to those who like it.
			Protocols: protocols,
			// Clients cause these lines at will.
			ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
		},
		maxConnections: cfg.MaxConnections,
	}
}

// Run serves on l until ctx ends. It then lets requests finish for up to 20
// seconds and cuts off the rest. It closes l.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	l = spread{netutil.LimitListener(l, s.maxConnections)}
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("httpx: serve: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	if err := s.http.Shutdown(drain); err != nil {
		return errors.Join(fmt.Errorf("httpx: requests cut off: %w", err), s.http.Close())
	}
	return nil
}
