package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"vestibule.dev/gateway/internal/facts"
	"vestibule.dev/pkg/bus"
	"vestibule.dev/pkg/natstest"
	eventsv1 "vestibule.dev/proto/events/v1"
)

// listen runs the gateway's publisher against a server and returns what arrives.
func listen(t *testing.T, r *rig, url string) <-chan *eventsv1.Envelope {
	t.Helper()
	b, err := bus.Connect(bus.Config{URL: url, Name: "test", Logger: r.gateway.log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	got := make(chan *eventsv1.Envelope, 100)
	go func() {
		_ = b.SubscribeCore(t.Context(), "gateway.v1.>", func(payload []byte) {
			envelope := &eventsv1.Envelope{}
			if err := proto.Unmarshal(payload, envelope); err != nil {
				t.Error(err)
			}
			got <- envelope
		})
	}()
	return got
}

// The edge tells who was refused, what was too much and which keys are used.
func TestFacts_refusalsLimitsAndKeys_arePublished(t *testing.T) {
	nats := natstest.New(t)
	r := newRig(t, func(c *Config) { c.NATSURL = nats.URL(); c.RatePerMinute = 60 })
	got := listen(t, r, nats.URL())
	go func() { _ = r.gateway.Run(t.Context()) }()
	await := func(request func(), matches func(*eventsv1.Envelope) bool) *eventsv1.Envelope {
		t.Helper()
		timeout := time.After(2 * time.Minute)
		again := time.NewTicker(50 * time.Millisecond) // the subscription may come late
		defer again.Stop()
		request()
		for {
			select {
			case envelope := <-got:
				if matches(envelope) {
					return envelope
				}
			case <-again.C:
				request()
			case <-timeout:
				t.Fatal("nothing arrived")
			}
		}
	}
	refused := await(func() {
		r.clock.Advance(time.Minute)
		headers := serverOf(projectA)
		headers["Secret-Server-Key"] = "ssk_wrong"
		r.do(request{headers: headers})
	}, func(e *eventsv1.Envelope) bool { return e.GetAccessRefused() != nil })
	if f := refused.GetAccessRefused(); f.GetCode() != "INVALID_SECRET_SERVER_KEY" || f.GetMethod() != "GET" || f.GetRoute() == "" ||
		refused.GetProjectId() != projectA || refused.GetSubject() != "gateway.v1.access.refused."+projectA || refused.GetRequestId() == "" {
		t.Errorf("refused: %v", refused)
	}
	if strings.Contains(refused.String(), "ssk_") {
		t.Errorf("a key is told: %v", refused)
	}
	used := await(func() { r.do(request{headers: server()}) }, func(e *eventsv1.Envelope) bool { return e.GetKeyUsed() != nil })
	if f := used.GetKeyUsed(); f.GetApiKeySetId() != "full" || f.GetAccessType() != "server" || used.GetSubject() != "gateway.v1.key.used."+projectA {
		t.Errorf("used: %v", used)
	}
	exceeded := await(func() {
		for range 20 {
			r.do(request{headers: serverOf(projectA)})
		}
	}, func(e *eventsv1.Envelope) bool {
		if e.GetKeyUsed() != nil {
			t.Error("the key is told again")
		}
		return e.GetLimitExceeded() != nil
	})
	if f := exceeded.GetLimitExceeded(); f.GetLimit() != string(facts.LimitAddress) || exceeded.GetSubject() != "gateway.v1.limit.exceeded.unknown" {
		t.Errorf("exceeded: %v", exceeded)
	}
}

// Nobody waits for the publisher, whether or not it runs.
func TestFacts_withoutNATS_holdNothingUp(t *testing.T) {
	r := newRig(t, func(c *Config) { c.NATSURL = "nats://127.0.0.1:1" })
	headers := serverOf(projectA)
	headers["Secret-Server-Key"] = "ssk_wrong"
	for range 3000 { // more than are kept
		req := httptest.NewRequest(http.MethodGet, "/api/v1/things/me", nil)
		for n, v := range headers {
			req.Header.Set("X-Hexclave-"+n, v)
		}
		w := httptest.NewRecorder()
		r.gateway.ServeHTTP(w, req)
		if w.Code != http.StatusUnauthorized {
			t.Fatalf("answered with %d", w.Code)
		}
	}
}

func serverOf(project string) map[string]string {
	headers := server()
	headers["Project-Id"] = project
	return headers
}
