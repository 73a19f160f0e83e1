package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"vestibule.dev/pkg/httpx"
)

func serve(t *testing.T, cfg httpx.ServerConfig) (address string, stop context.CancelFunc, done <-chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	result := make(chan error, 1)
	go func() { result <- httpx.NewServer(cfg).Run(ctx, listener) }()
	return listener.Addr().String(), cancel, result
}

func TestRun_stopped_finishesRequestsInFlight(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	address, stop, done := serve(t, httpx.ServerConfig{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		_, _ = io.WriteString(w, "finished")
	})})
	answer := make(chan string, 1)
	go func() {
		_, body, err := get(t, http.DefaultClient, "http://"+address)
		answer <- fmt.Sprint(body, err)
	}()
	<-begun
	stop()
	select {
	case err := <-done:
		t.Errorf("stopped with a request in flight: %v", err)
	default:
	}
	close(finish)
	if got := <-answer; got != "finished<nil>" {
		t.Error(got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRun_closedListener_isAFailure(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	if err := httpx.NewServer(httpx.ServerConfig{Handler: http.NotFoundHandler()}).Run(t.Context(), listener); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestNewServer_oversized_isRefused(t *testing.T) {
	address, _, _ := serve(t, httpx.ServerConfig{MaxBody: 10, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		}
	})})
	for request, want := range map[string]string{
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789":                            "200",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n0123456789a":                           "413",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n": "413",
		"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("a", 64<<10) + "\r\n\r\n":              "431",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: gzip\r\n\r\nabc":         "501",
		"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n":                                                  "400",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd":              "400",
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(conn, request) }()
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+want) {
			t.Errorf("%.60q: %q, %v, want %s", request, line, err, want)
		}
		_ = conn.Close()
	}
}

// Nobody talks the server into HTTP/2, whose streams cost a caller next to
// nothing (CVE-2023-44487).
func TestNewServer_http2_isNotSpoken(t *testing.T) {
	address, _, _ := serve(t, httpx.ServerConfig{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	})})
	for _, request := range []string{
		// What begins like HTTP/2 is one odd request, and the last.
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if text := string(answer); err != nil && !errors.Is(err, syscall.ECONNRESET) || !strings.HasPrefix(text, "HTTP/1.1 200") || strings.Count(text, "HTTP/") > 2 {
			t.Errorf("%.40q: %q, %v", request, text, err)
		}
		_ = conn.Close()
	}
}

func TestNewServer_tooManyConnections_wait(t *testing.T) {
	release := make(chan struct{})
	begun := make(chan string, 3)
	address, _, _ := serve(t, httpx.ServerConfig{MaxConnections: 2, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- r.URL.Path
		<-release
	})})
	conns := make([]net.Conn, 3)
	for i := range conns {
		var err error
		if conns[i], err = net.Dial("tcp", address); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
		if _, err := fmt.Fprintf(conns[i], "GET /%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", i); err != nil {
			t.Fatal(err)
		}
	}
	first := map[string]bool{<-begun: true, <-begun: true}
	if !first["/0"] || !first["/1"] {
		t.Errorf("served %v", first)
	}
	select {
	case path := <-begun:
		t.Errorf("%s was let in beyond the limit", path)
	default:
	}
	close(release)
	if path := <-begun; path != "/2" {
		t.Errorf("then %s", path)
	}
}

// Clients that send a header a byte at a time, a body that never ends or nothing
// at all, and ones that do not read their answer, are cut off or wait alone:
// others are answered meanwhile.
func TestNewServer_slowClients_hinderNobody(t *testing.T) {
	large := strings.Repeat("x", 4<<20)
	address, _, _ := serve(t, httpx.ServerConfig{
		HeaderTimeout: 500 * time.Millisecond,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/body":
				_, _ = io.Copy(io.Discard, r.Body)
			case "/large":
				_, _ = io.WriteString(w, large)
			}
		}),
	})
	open := func(text string) net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	const each = 100
	var slow []net.Conn
	for range each {
		open("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx")
		open("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
		slow = append(slow, open(""), open("GET / HT"), open("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "))
	}
	// One of them keeps dripping.
	dripping := slow[len(slow)-1]
	go func() {
		for {
			if _, err := io.WriteString(dripping, "x"); err != nil {
				return
			}
		}
	}()
	// On a busy machine it may take longer than the limit until the header of a
	// quick client is sent, who then comes again.
	answered := func(when string) {
		t.Helper()
		for timeout := time.Now().Add(2 * time.Minute); ; {
			res, _, err := get(t, http.DefaultClient, "http://"+address+"/")
			if err == nil && res.StatusCode == http.StatusOK {
				return
			}
			if time.Now().After(timeout) {
				t.Fatalf("%s: %v", when, err)
			}
		}
	}
	for range 20 {
		answered("in between")
	}
	for _, conn := range slow {
		// The server ends it, with 408 or without a word; the test's own limit
		// is the time-out of the test.
		if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a slow client: %v", err)
		}
	}
	answered("afterwards")
}
