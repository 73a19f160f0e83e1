package httpx_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"vestibule.dev/pkg/httpx"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// names is a resolver whose answers change with each question.
type names struct {
	answers map[string][][]string
	asked   map[string]int
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	answers, ok := n.answers[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if n.asked == nil {
		n.asked = map[string]int{}
	}
	answer := answers[min(n.asked[host], len(answers)-1)]
	n.asked[host]++
	var addresses []netip.Addr
	for _, text := range answer {
		addresses = append(addresses, netip.MustParseAddr(text))
	}
	return addresses, nil
}

// inside is a server within the network that counts who reaches it.
func inside(t *testing.T) (url string, port string, reached *atomic.Int32) {
	t.Helper()
	reached = new(atomic.Int32)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
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
	return server.URL, port, reached
}

func get(t *testing.T, client *http.Client, url string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

func TestNewClient_forbiddenDestination_isNeverConnectedTo(t *testing.T) {
	_, port, reached := inside(t)
	resolver := &names{answers: map[string][][]string{
		"localhost":         {{"127.0.0.1"}},
		"loopback.example":  {{"127.0.0.1"}},
		"six.example":       {{"::1"}},
		"mapped.example":    {{"::ffff:127.0.0.1"}},
		"any.example":       {{"0.0.0.0"}},
		"mixed.example":     {{"1.1.1.1", "127.0.0.1"}},
		"metadata.example":  {{"169.254.169.254"}},
		"zone.example":      {{"fe80::1%lo"}},
		"nat64.example":     {{"64:ff9b::7f00:1"}},
		"rebinding.example": {{"127.0.0.1"}},
		// What some system resolvers make of odd spellings.
		"0": {{"0.0.0.0"}}, "127.1": {{"127.0.0.1"}}, "0177.0.0.1": {{"127.0.0.1"}}, "0x7f000001": {{"127.0.0.1"}},
		"2130706433": {{"127.0.0.1"}}, "127.0.0.1.": {{"127.0.0.1"}}, "017700000001": {{"127.0.0.1"}},
	}}
	client := httpx.NewClient(httpx.ClientConfig{Dialer: httpx.Dialer{Resolver: resolver}, MaxRedirects: 5})
	for _, host := range []string{
		"127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[fe80::1%25lo]", "[fd00::1]",
		"[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1", "255.255.255.255",
		"localhost", "loopback.example", "six.example", "mapped.example", "any.example", "mixed.example", "metadata.example",
		"zone.example", "nat64.example", "rebinding.example", "0", "127.1", "0177.0.0.1", "0x7f000001", "2130706433", "127.0.0.1.",
		"017700000001",
	} {
		_, _, err := get(t, client, "http://"+host+":"+port+"/")
		if !errors.Is(err, httpx.ErrForbiddenAddress) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections reached the inside", n)
	}
}

func TestNewClient_nameServerChangesItsMind_isCheckedEveryTime(t *testing.T) {
	_, port, reached := inside(t)
	// 127.0.0.2 plays the public Internet; 127.0.0.1 is inside.
	resolver := &names{answers: map[string][][]string{"rebinding.example": {{"127.0.0.2"}, {"127.0.0.1"}}}}
	dialer := httpx.Dialer{Resolver: resolver, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}}
	_, err := dialer.DialContext(t.Context(), "tcp", "rebinding.example:"+port)
	if errors.Is(err, httpx.ErrForbiddenAddress) {
		t.Errorf("the first answer is harmless: %v", err)
	}
	if resolver.asked["rebinding.example"] != 1 {
		t.Errorf("asked %d times for one connection: the answers could differ", resolver.asked["rebinding.example"])
	}
	if _, err = dialer.DialContext(t.Context(), "tcp", "rebinding.example:"+port); !errors.Is(err, httpx.ErrForbiddenAddress) {
		t.Errorf("the second answer leads inside: %v", err)
	}
	if reached.Load() != 0 {
		t.Error("the inside was reached")
	}
}

func TestNewClient_redirect_leadsNowhereForbidden(t *testing.T) {
	target, _, reached := inside(t)
	hops := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hops++
		switch r.URL.Path {
		case "/inside":
			http.Redirect(w, r, strings.Replace(target, "127.0.0.1", "127.0.0.9", 1), http.StatusFound)
		case "/chain":
			http.Redirect(w, r, "/inside", http.StatusTemporaryRedirect)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/file":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		}
	}))
	defer server.Close()
	allow := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	follow := httpx.NewClient(httpx.ClientConfig{Dialer: httpx.Dialer{Allow: allow}, MaxRedirects: 3})
	for _, path := range []string{"/inside", "/chain"} {
		if _, _, err := get(t, follow, server.URL+path); !errors.Is(err, httpx.ErrForbiddenAddress) {
			t.Errorf("%s: %v", path, err)
		}
	}
	hops = 0
	if _, _, err := get(t, follow, server.URL+"/loop"); err == nil || hops != 4 {
		t.Errorf("loop ended after %d requests: %v", hops, err)
	}
	if _, _, err := get(t, follow, server.URL+"/file"); err == nil {
		t.Error("followed to a file")
	}
	stay := httpx.NewClient(httpx.ClientConfig{Dialer: httpx.Dialer{Allow: allow}})
	if res, _, err := get(t, stay, server.URL+"/inside"); err != nil || res.StatusCode != http.StatusFound {
		t.Errorf("%v", err)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections reached the inside", n)
	}
}

func TestNewClient_redirectToPlainText_isNotFollowed(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed to plain text") }))
	defer plain.Close()
	server := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client := httpx.NewClient(httpx.ClientConfig{Dialer: httpx.Dialer{Allow: loopback}, MaxRedirects: 3, TLS: &tls.Config{RootCAs: roots}})
	if _, _, err := get(t, client, server.URL); err == nil || !strings.Contains(err.Error(), "redirect from https to http") {
		t.Error(err)
	}
}

func TestNewClient_proxyOfEnvironment_isIgnored(t *testing.T) {
	proxy, _, reached := inside(t)
	t.Setenv("HTTP_PROXY", proxy)
	t.Setenv("HTTPS_PROXY", proxy)
	client := httpx.NewClient(httpx.ClientConfig{Dialer: httpx.Dialer{Resolver: &names{}}})
	if _, _, err := get(t, client, "http://example.com/"); err == nil {
		t.Error("answered")
	}
	if reached.Load() != 0 {
		t.Error("the proxy was used")
	}
}

func TestNewClient_largeBody_isCut(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size := map[string]int{"/fits": 1000, "/over": 1001, "/huge": 1 << 20}[r.URL.Path]
		_, _ = w.Write(make([]byte, size))
	}))
	defer server.Close()
	client := httpx.NewClient(httpx.ClientConfig{Dialer: httpx.Dialer{Allow: loopback}, MaxResponse: 1000})
	for path, large := range map[string]bool{"/fits": false, "/over": true, "/huge": true} {
		_, body, err := get(t, client, server.URL+path)
		if errors.Is(err, httpx.ErrResponseTooLarge) != large || len(body) != 1000 {
			t.Errorf("%s: %d bytes, %v", path, len(body), err)
		}
	}
	client.CloseIdleConnections()
}

func TestDialContext_otherNetworks_areRefused(t *testing.T) {
	d := httpx.Dialer{Allow: loopback}
	for _, network := range []string{"unix", "udp", "ip", "unixgram", ""} {
		if _, err := d.DialContext(t.Context(), network, "127.0.0.1:1"); !errors.Is(err, httpx.ErrForbiddenAddress) {
			t.Errorf("%s: %v", network, err)
		}
	}
	if _, err := d.DialContext(t.Context(), "tcp", "127.0.0.1"); err == nil {
		t.Error("dialled without a port")
	}
}
