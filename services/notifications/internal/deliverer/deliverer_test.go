package deliverer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/httpx"
	ports "vestibule.dev/pkg/loopback"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

var loopback = Config{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}

func call(url string) app.WebhookCall {
	return app.WebhookCall{
		MessageID: "msg_p5jXN8AQM9LWM0D4loKWxJek", URL: url, Payload: []byte(`{"test": 2432232314}`),
		Secrets: []secret.Secret{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	}
}

// The vector that Standard Webhooks publishes for its libraries.
func TestSign_publishedVector_matches(t *testing.T) {
	header := http.Header{}
	if err := sign(header, time.Unix(1614265330, 0), call("")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
		"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
	} {
		if header.Get(name) != want || header.Get(strings.Replace(name, "webhook", "svix", 1)) != want {
			t.Errorf("%s is %q, want %q", name, header.Get(name), want)
		}
	}
}

// What a receiver that checks signatures lets in.
func TestSign_tampered_isRejected(t *testing.T) {
	key := webhook.NewSecret()
	signed := func(at time.Time, keys ...secret.Secret) http.Header {
		header := http.Header{}
		c := call("")
		c.Secrets = keys
		if err := sign(header, at, c); err != nil {
			t.Fatal(err)
		}
		return header
	}
	with := func(header http.Header, name, value string) http.Header {
		header.Set(name, value)
		return header
	}
	verifier, err := standardwebhooks.NewWebhook(key)
	if err != nil {
		t.Fatal(err)
	}
	own, other, body := secret.Secret(key), secret.Secret(webhook.NewSecret()), string(call("").Payload)
	now := time.Now()
	for name, tt := range map[string]struct {
		header http.Header
		body   string
		good   bool
	}{
		"untouched":               {signed(now, own), body, true},
		"rotated":                 {signed(now, other, own), body, true},
		"a little early":          {signed(now.Add(4*time.Minute), own), body, true},
		"body changed":            {signed(now, own), body + " ", false},
		"other endpoint's secret": {signed(now, other), body, false},
		"old":                     {signed(now.Add(-6*time.Minute), own), body, false},
		"from the future":         {signed(now.Add(6*time.Minute), own), body, false},
		"time moved":              {with(signed(now, own), "webhook-timestamp", strconv.FormatInt(now.Unix()+1, 10)), body, false},
		"other id":                {with(signed(now, own), "webhook-id", "msg_x"), body, false},
		"signature cut":           {with(signed(now, own), "webhook-signature", "v1,"), body, false},
		"other version":           {with(signed(now, own), "webhook-signature", "v0"+signed(now, own).Get("webhook-signature")[2:]), body, false},
		"no signature":            {with(signed(now, own), "webhook-signature", ""), body, false},
	} {
		if err := verifier.Verify([]byte(tt.body), tt.header); (err == nil) != tt.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// names is a resolver whose answers change with each question.
type names struct {
	mu      sync.Mutex
	answers map[string][]string
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	answers := n.answers[host]
	if len(answers) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(answers) > 1 {
		n.answers[host] = answers[1:]
	}
	return []netip.Addr{netip.MustParseAddr(answers[0])}, nil
}

// inside is a server within the network that counts who reaches it.
func inside(t *testing.T) (port string, reached *atomic.Int32) {
	t.Helper()
	reached = new(atomic.Int32)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			reached.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, reached
}

func TestPost_forbiddenDestination_isNeverConnectedTo(t *testing.T) {
	port, reached := inside(t)
	resolver := &names{answers: map[string][]string{
		"localhost": {"127.0.0.1"}, "inside.example": {"127.0.0.1"}, "six.example": {"::1"}, "mapped.example": {"::ffff:127.0.0.1"},
		"metadata.example": {"169.254.169.254"}, "private.example": {"10.0.0.1"}, "nat64.example": {"64:ff9b::7f00:1"},
		// What some system resolvers make of odd spellings.
		"0": {"0.0.0.0"}, "127.1": {"127.0.0.1"}, "0177.0.0.1": {"127.0.0.1"}, "0x7f000001": {"127.0.0.1"}, "2130706433": {"127.0.0.1"},
	}}
	d := newDeliverer(Config{}, clock.System(), httpx.ClientConfig{Dialer: httpx.Dialer{Resolver: resolver}})
	for _, host := range []string{
		"127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
		"224.0.0.1", "255.255.255.255", "localhost", "inside.example", "six.example", "mapped.example", "metadata.example",
		"private.example", "nat64.example", "0", "127.1", "0177.0.0.1", "0x7f000001", "2130706433",
	} {
		outcome := d.Post(t.Context(), call("https://"+host+":"+port+"/"))
		if outcome.Status != 0 || !strings.Contains(outcome.Problem, "lead to the public Internet") {
			t.Errorf("%s: %+v", host, outcome)
		}
	}
	if outcome := d.Post(t.Context(), call("http://example.com/")); outcome.Succeeded() || !strings.Contains(outcome.Problem, "https") {
		t.Errorf("plain text: %+v", outcome)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections reached the inside", n)
	}
}

// 127.0.0.1 plays the public Internet here, and 127.0.0.2 is inside.
func TestPost_nameServerChangesItsMind_isCheckedEveryTime(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	resolver := &names{answers: map[string][]string{"rebinding.example": {"127.0.0.1", "127.0.0.2"}}}
	d := newDeliverer(loopback, clock.System(), httpx.ClientConfig{Dialer: httpx.Dialer{Resolver: resolver}})
	if outcome := d.Post(t.Context(), call("http://rebinding.example:"+port)); !outcome.Succeeded() {
		t.Errorf("first %+v", outcome)
	}
	if outcome := d.Post(t.Context(), call("http://rebinding.example:"+port)); outcome.Status != 0 {
		t.Errorf("then %+v", outcome)
	}
}

func TestPost_redirects_areNotFollowed(t *testing.T) {
	var hops atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hops.Add(1)
		http.Redirect(w, r, "/next", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	outcome := New(loopback, clock.System()).Post(t.Context(), call(server.URL))
	if outcome.Status != http.StatusTemporaryRedirect || outcome.Succeeded() || hops.Load() != 1 {
		t.Errorf("%+v after %d requests", outcome, hops.Load())
	}
}

func TestPost_answers_areKeptInPart(t *testing.T) {
	var answer atomic.Pointer[string]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != string(call("").Payload) || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %q", r.Method, body)
		}
		_, _ = io.WriteString(w, *answer.Load())
	}))
	defer server.Close()
	d := New(loopback, clock.System())
	for text, want := range map[string]string{
		"":                              "",
		"fine":                          "fine",
		"a\x00b\xffc":                   "a\ufffdb\ufffdc",
		strings.Repeat("x", 1<<20):      strings.Repeat("x", 1024),
		strings.Repeat("é", 2000):       strings.Repeat("é", 512),
		"x" + strings.Repeat("é", 2000): "x" + strings.Repeat("é", 511),
	} {
		answer.Store(&text)
		if outcome := d.Post(t.Context(), call(server.URL)); !outcome.Succeeded() || outcome.Body != want {
			t.Errorf("%.10q…: status %d, %d bytes", text, outcome.Status, len(outcome.Body))
		}
	}
}

func TestPost_failures_areExplained(t *testing.T) {
	closed, err := ports.Reserve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer closed.Release()
	authority := httptest.NewTLSServer(http.NotFoundHandler())
	defer authority.Close()
	authority.Config.ErrorLog = nil
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that the client has left
		<-r.Context().Done()
	}))
	defer hanging.Close()
	d := newDeliverer(loopback, clock.System(), httpx.ClientConfig{Dialer: httpx.Dialer{Resolver: &names{}}})
	for url, want := range map[string]string{
		closed.Origin(): "connection failed", authority.URL: "certificate", hanging.URL: "did not answer", "http://nobody.example/": "not known",
	} {
		d.client.Timeout = time.Minute
		if url == hanging.URL {
			d.client.Timeout = 500 * time.Millisecond
		}
		outcome := d.Post(t.Context(), call(url))
		if outcome.Status != 0 || !strings.Contains(outcome.Problem, want) || strings.Contains(outcome.Problem, "127.0.0.1") {
			t.Errorf("%s: %+v", url, outcome)
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Certificate())
	d = newDeliverer(loopback, clock.System(), httpx.ClientConfig{TLS: &tls.Config{RootCAs: roots, ServerName: "example.com"}})
	if outcome := d.Post(t.Context(), call(authority.URL)); outcome.Status != http.StatusNotFound {
		t.Errorf("with a valid certificate: %+v", outcome)
	}
}
