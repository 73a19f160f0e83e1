package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"vestibule.dev/gateway/internal/edge"
	"vestibule.dev/pkg/bus"
	"vestibule.dev/pkg/natstest"
	"vestibule.dev/pkg/obs"
	"vestibule.dev/pkg/principal"
)

// A signature costs more than everything else at the edge together, so a
// caller pays for it once.
func TestServe_sameToken_verifiesAndSignsOnce(t *testing.T) {
	r := newRig(t)
	q := request{headers: client("Access-Token", r.token())}
	r.do(q)
	first := r.things.metadata[principal.MetadataPrincipal][0]
	verified, asked, keys := r.gateway.tokens.Verifications(), r.identity.asked, r.sessions.asked
	for range 100 {
		if w := r.do(q); w.Code != 200 {
			t.Fatal(w.Body)
		}
		if got := r.things.metadata[principal.MetadataPrincipal][0]; got != first {
			t.Fatal("another principal was signed")
		}
	}
	if n := r.gateway.tokens.Verifications() - verified; n != 0 {
		t.Errorf("%d signatures were verified for a token seen before", n)
	}
	if r.identity.asked != asked || r.sessions.asked != keys {
		t.Errorf("%d look-ups of the project and %d of keys", r.identity.asked-asked, r.sessions.asked-keys)
	}
}

func TestServe_changedProject_isSeenByTheNextRequest(t *testing.T) {
	r := newRig(t)
	r.do(request{headers: server()})
	// The service that makes the change says so before its answer goes out.
	r.things.header = metadata.Pairs("vestibule-project-changed", projectA)
	r.things.during = func() {
		r.identity.mu.Lock()
		defer r.identity.mu.Unlock()
		r.identity.projects[projectA].ConfigVersion = 8
		r.identity.projects[projectA].KeySets = nil
	}
	r.do(request{headers: client()})
	r.things.header, r.things.during = nil, nil
	if w := r.do(request{headers: server()}); code(t, w) != "INVALID_SECRET_SERVER_KEY" {
		t.Errorf("a revoked key was accepted: %d", w.Code)
	}
	if w := r.do(request{headers: client()}); w.Code != 200 || r.called().ConfigVersion != 8 {
		t.Errorf("the old version was used")
	}
	// Word from another gateway comes by message; without it, time heals.
	r.identity.projects[projectA].ConfigVersion = 9
	r.gateway.projects.Drop(projectA)
	if r.do(request{headers: client()}); r.called().ConfigVersion != 9 {
		t.Error("a dropped project was still cached")
	}
	r.identity.projects[projectA].ConfigVersion = 10
	r.clock.Advance(11 * time.Second)
	if r.do(request{headers: client()}); r.called().ConfigVersion != 10 {
		t.Error("a project was cached for more than ten seconds")
	}
}

func TestServe_unknownProjects_areAskedForOnceAWhile(t *testing.T) {
	r := newRig(t)
	for range 50 {
		r.do(request{headers: client("Project-Id", "nope")})
	}
	if r.identity.asked != 1 {
		t.Errorf("identity was asked %d times", r.identity.asked)
	}
}

func TestServe_identityDown_is503(t *testing.T) {
	r := newRig(t)
	r.identity.err = errDown
	w := r.do(request{headers: client()})
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// An answer that was on its way while the project changed is used by those who
// waited for it and forgotten.
func TestServe_changeDuringLookUp_isNotCached(t *testing.T) {
	r := newRig(t)
	r.identity.before = func() {
		r.identity.before = nil
		r.identity.mu.Lock()
		r.identity.projects[projectA].ConfigVersion = 8
		r.identity.mu.Unlock()
		r.gateway.projects.Drop(projectA)
	}
	r.do(request{headers: client()})
	if r.do(request{headers: client()}); r.called().ConfigVersion != 8 {
		t.Errorf("version %d was cached", r.called().ConfigVersion)
	}
}

func TestServe_manyAtOnce_askOnce(t *testing.T) {
	r := newRig(t)
	hold := make(chan struct{})
	r.identity.before = func() { <-hold }
	var wait sync.WaitGroup
	for range 30 {
		wait.Go(func() {
			if w := r.do(request{path: "/api/v1", headers: client()}); w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	close(hold)
	wait.Wait()
	// Those that came after the answer find it cached, the others share it.
	if r.identity.asked != 1 {
		t.Errorf("identity was asked %d times", r.identity.asked)
	}
}

func TestServe_panicInHandler_is500WithID(t *testing.T) {
	r := newRig(t)
	handler := edge.Chain(edge.Config{
		Log: slog.New(slog.NewTextHandler(r.logs, nil)), Clock: r.clock, Tracers: obs.NoTelemetry().Tracers,
		Locator: must(newLocator(Config{Proxy: "none"})), MaxInFlight: 1, Limiter: edge.NewLimiter(limits(Config{RatePerMinute: 60}), r.clock),
	}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret") }))
	for range 2 { // the second one shows that the slot was given back
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/x", nil))
		id := w.Header().Get("X-Stack-Request-Id")
		if w.Code != 500 || id == "" || !strings.HasSuffix(w.Body.String(), id) || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestRun_messageAboutProject_dropsIt(t *testing.T) {
	url := natstest.New(t).URL()
	r := newRig(t, func(c *Config) { c.NATSURL, c.HTTPAddr = url, "127.0.0.1:0" })
	r.do(request{headers: client()})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.gateway.Run(ctx) }()
	b, err := bus.Connect(bus.Config{URL: url, Name: "identity", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	r.identity.mu.Lock()
	r.identity.projects[projectA].ConfigVersion = 8
	r.identity.mu.Unlock()
	// The message is repeated, because a subscription begins when it begins.
	for r.called().ConfigVersion != 8 {
		b.PublishCore("vestibule.project.changed", []byte(projectA))
		if w := r.do(request{headers: client()}); w.Code != 200 {
			t.Fatal(w.Body)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
