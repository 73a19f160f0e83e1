// Package ops promises every process one page for its operators, on a listener
// that no caller of the API reaches: metrics, liveness, readiness and profiles.
package ops

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"vestibule.dev/pkg/httpx"
)

// Config says what the page shows.
type Config struct {
	// Addr is where it listens.
	Addr string
	// Ready reports whether the process can do its work.
	Ready func(context.Context) error
	// Metrics serves what Prometheus scrapes; nil means nothing.
	Metrics http.Handler
	Logger  *slog.Logger
}

// readyLimit bounds one readiness check, so that a hanging database shows
// before the probe itself gives up.
const readyLimit = 2 * time.Second

// Run serves until ctx ends:
//
//	/livez    200 while the process runs
//	/readyz   200 while it can do its work, else 503
//	/metrics  the metrics, in the text format of Prometheus
//	/debug/pprof/  profiles (package net/http/pprof)
func Run(ctx context.Context, cfg Config) error {
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return err
	}
	return httpx.NewServer(httpx.ServerConfig{Handler: handler(cfg), MaxConnections: 64, Logger: cfg.Logger}).Run(ctx, listener)
}

// Check asks the page of a process on this machine whether it is ready, for
// health checks of images that hold nothing but the program. The address is that
// of [Config].
func Check(ctx context.Context, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("ops: OPS_ADDR must be host:port: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	// Listening everywhere includes here.
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", port)+"/readyz", nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", answer.Status)
	}
	return nil
}

func handler(cfg Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyLimit)
		defer cancel()
		if err := cfg.Ready(ctx); err != nil {
			cfg.Logger.WarnContext(ctx, "not ready", "error", err)
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	if cfg.Metrics != nil {
		mux.Handle("GET /metrics", cfg.Metrics)
	}
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
