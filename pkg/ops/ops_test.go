package ops

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestCheck_runningPage_tellsReadiness(t *testing.T) {
	var down error
	page := httptest.NewServer(handler(Config{Ready: func(context.Context) error { return down }, Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(page.Close)
	addr := page.Listener.Addr().String()
	if err := Check(t.Context(), addr); err != nil {
		t.Error(err)
	}
	down = errors.New("no database")
	if err := Check(t.Context(), addr); err == nil {
		t.Error("ready without a database")
	}
	page.Close()
	if err := Check(t.Context(), addr); err == nil {
		t.Error("ready without a process")
	}
	if err := Check(t.Context(), ""); err == nil {
		t.Error("ready nowhere")
	}
}

func TestHandler_pages_saySo(t *testing.T) {
	var down error
	h := handler(Config{
		Ready:   func(context.Context) error { return down },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
		Logger:  slog.New(slog.DiscardHandler),
	})
	ask := func(path string) int {
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		return answer.Code
	}
	for path, want := range map[string]int{
		"/livez": 200, "/readyz": 200, "/metrics": 200, "/debug/pprof/": 200, "/debug/pprof/heap": 200, "/debug/pprof/cmdline": 404, "/": 404,
	} {
		if got := ask(path); got != want {
			t.Errorf("%s answered %d, want %d", path, got, want)
		}
	}
	down = errors.New("no database")
	if live, ready := ask("/livez"), ask("/readyz"); live != 200 || ready != 503 {
		t.Errorf("without a database: live %d, ready %d", live, ready)
	}
}
