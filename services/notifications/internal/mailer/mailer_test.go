package mailer

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"vestibule.dev/pkg/clock"
	ports "vestibule.dev/pkg/loopback"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/smtptest"
)

func newMailer(t *testing.T, addr string, allow ...netip.Prefix) *Mailer {
	t.Helper()
	m, err := New(Config{URL: secret.Secret("smtp://" + addr), Sender: "no-reply@vestibule.example", AllowNetworks: allow}, clock.System())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ready(context.Context) error { return nil }

var (
	shared  = app.Server{Shared: true, SenderName: "P"}
	message = app.Message{ID: "1", To: []string{"ada@example.com"}, Subject: "S", HTML: "<p>x</p>", Text: "x"}
)

func failureOf(t *testing.T, err error) *domain.SendFailure {
	t.Helper()
	var failure *domain.SendFailure
	if !errors.As(err, &failure) {
		t.Fatalf("Send = %v, want a failure", err)
	}
	return failure
}

func TestSend_replies_classified(t *testing.T) {
	for _, tt := range []struct {
		code int
		text string
		rcpt bool // else after the data
		want domain.FailureType
		retr bool
		says string
	}{
		{450, "busy", false, domain.FailureTemporary, true, "450 busy"},
		{450, "greylisted", true, domain.FailureTemporary, true, "450 greylisted"},
		{451, "later", false, domain.FailureTransient, true, "451 later"},
		{421, "shutting down", true, domain.FailureTransient, true, "421 shutting down"},
		{553, "no such address", true, domain.FailureInvalidEmailAddress, false, "553 no such address"},
		{554, "spam", false, domain.FailureRejected, false, "554 spam"},
		{550, "unknown user", true, domain.FailureRejected, false, "550 unknown user"},
		{550, "content refused", false, domain.FailureUnknown, false, "550 content refused"},
		{550, "Too many requests", false, domain.FailureUnknown, true, "Too many requests"},
		{535, "bad password", false, domain.FailureAuth, false, "password"},
	} {
		server := smtptest.New(t)
		if tt.rcpt {
			server.OnRcpt(func(string) error { return smtptest.Refuse(tt.code, tt.text) })
		} else {
			server.OnData(func(smtptest.Message) error { return smtptest.Refuse(tt.code, tt.text) })
		}
		handedOver := false
		failure := failureOf(t, newMailer(t, server.Addr).Send(t.Context(), shared, message, func(context.Context) error { handedOver = true; return nil }))
		if failure.Type != tt.want || failure.Retry != tt.retr || !strings.Contains(failure.Message, tt.says) {
			t.Errorf("%d %s: %s, retry %v, %q", tt.code, tt.text, failure.Type, failure.Retry, failure.Message)
		}
		if handedOver == tt.rcpt {
			t.Errorf("%d %s: handed over %v", tt.code, tt.text, handedOver)
		}
	}
}

// answer is a server that says one thing and hangs up.
func answer(t *testing.T, text string) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, text)
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

func TestSend_connections_classified(t *testing.T) {
	closed, err := ports.Reserve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer closed.Release()
	cut := smtptest.New(t)
	cut.OnData(func(smtptest.Message) error { return smtptest.ErrCut })
	for name, tt := range map[string]struct {
		addr string
		want domain.FailureType
		retr bool
	}{
		"closed before the greeting": {answer(t, ""), domain.FailureSocketClosed, false},
		"closed after the greeting":  {answer(t, "220 hello\r\n"), domain.FailureSocketClosed, false},
		"greeting refuses":           {answer(t, "554 no\r\n"), domain.FailureRejected, false},
		"greeting says later":        {answer(t, "421 later\r\n"), domain.FailureTransient, true},
		"TLS cut":                    {answer(t, "220 hi\r\n250-hi\r\n250 STARTTLS\r\n220 go\r\n"), domain.FailureUnknown, true},
		"nobody listens":             {closed.Addr(), domain.FailureUnknown, true},
		"cut after the data":         {cut.Addr, domain.FailureSocketClosed, false},
	} {
		failure := failureOf(t, newMailer(t, tt.addr).Send(t.Context(), shared, message, ready))
		if failure.Type != tt.want || failure.Retry != tt.retr {
			t.Errorf("%s: %s, retry %v: %v", name, failure.Type, failure.Retry, failure.Cause)
		}
	}
}

// Projects choose their mail server, and what it says is kept until it ends.
func TestSend_serverWithoutAnEnd_isLeft(t *testing.T) {
	for name, greeting := range map[string]string{
		"line":  "220 " + strings.Repeat("x", 2*maxHeard) + "\r\n",
		"lines": strings.Repeat("220-x\r\n", maxHeard/4) + "220 x\r\n",
	} {
		failure := failureOf(t, newMailer(t, answer(t, greeting)).Send(t.Context(), shared, message, ready))
		if !errors.Is(failure.Cause, errTalkative) || failure.Retry {
			t.Errorf("%s: %s: %.100s", name, failure.Message, failure.Cause)
		}
	}
}

func TestFailure_timeouts_finalOnlyOnceInDoubt(t *testing.T) {
	for at := stageConnect; at <= stageConfirm; at++ {
		s := &session{ctx: t.Context(), stage: at}
		failure := s.failure(&net.OpError{Op: "read", Err: timeout{}})
		if failure.Type != domain.FailureTimeout || failure.Retry == (at == stageConfirm) {
			t.Errorf("stage %d: %s, retry %v", at, failure.Type, failure.Retry)
		}
	}
}

type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// names resolves every name to loopback, but one.
type names struct{}

func (names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if host == "gone.example.com" {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func ownServer(host, addr string) app.Server {
	_, port, _ := net.SplitHostPort(addr)
	number, _ := strconv.Atoi(port)
	return app.Server{Host: host, Port: number, Username: "u", Password: "p", SenderName: "N", SenderEmail: "n@example.com"}
}

// A project must not reach into the platform's network by way of its mail
// server; the platform's own server may be there.
func TestSend_projectsServer_publicInternetOnly(t *testing.T) {
	server := smtptest.New(t)
	m := newMailer(t, server.Addr)
	m.own.Resolver = names{}
	for _, host := range []string{"127.0.0.1", "::1", "localhost", "169.254.169.254", "10.0.0.1", "rebinding.example.com"} {
		failure := failureOf(t, m.Send(t.Context(), ownServer(host, server.Addr), message, ready))
		if failure.Retry || !strings.Contains(failure.Message, "public Internet") {
			t.Errorf("%s: %s", host, failure.Message)
		}
	}
	if failure := failureOf(t, m.Send(t.Context(), ownServer("gone.example.com", server.Addr), message, ready)); failure.Type != domain.FailureHostNotFound || failure.Retry {
		t.Errorf("unknown host: %s, retry %v", failure.Type, failure.Retry)
	}
	if err := m.Send(t.Context(), shared, message, ready); err != nil {
		t.Errorf("the platform's own server: %v", err)
	}
	allowing := newMailer(t, server.Addr, netip.MustParsePrefix("127.0.0.0/8"))
	if err := allowing.Send(t.Context(), ownServer("127.0.0.1", server.Addr), message, ready); err != nil {
		t.Errorf("an allowed network: %v", err)
	}
	if got := len(server.Received()); got != 2 {
		t.Errorf("the server received %d mails, want 2", got)
	}
}

func TestSend_unusable_isFinal(t *testing.T) {
	server := smtptest.New(t)
	m := newMailer(t, server.Addr, netip.MustParsePrefix("127.0.0.0/8"))
	incomplete := ownServer("127.0.0.1", server.Addr)
	incomplete.Password = ""
	forged := ownServer("127.0.0.1", server.Addr)
	forged.SenderEmail = "a@example.com>\r\nBcc: b@example.com"
	for name, try := range map[string]struct {
		server app.Server
		to     string
	}{
		"incomplete server": {incomplete, "ada@example.com"},
		"forged sender":     {forged, "ada@example.com"},
		"two lines":         {shared, "ada@example.com\r\nBcc: b@example.com"},
		"a list":            {shared, "ada@example.com, b@example.com"},
		"with a name":       {shared, "Ada <ada@example.com>"},
		"no address":        {shared, "ada"},
	} {
		failure := failureOf(t, m.Send(t.Context(), try.server, app.Message{ID: "1", To: []string{try.to}}, ready))
		if failure.Retry {
			t.Errorf("%s would be tried again: %s", name, failure.Message)
		}
	}
	if got := server.Received(); len(got) != 0 {
		t.Errorf("received %v", got)
	}
}

func TestSend_handOverFails_serverHearsNothing(t *testing.T) {
	server := smtptest.New(t)
	err := newMailer(t, server.Addr).Send(t.Context(), shared, message, func(context.Context) error { return domain.ErrClaimLost })
	if !errors.Is(err, domain.ErrClaimLost) || len(server.Received()) != 0 {
		t.Errorf("Send = %v, received %v", err, server.Received())
	}
}

func TestNew_urls_read(t *testing.T) {
	for url, want := range map[string]struct {
		port int
		tls  bool
		ok   bool
	}{
		"smtp://mail.example.com":            {587, false, true},
		"smtp://u:p%40w@mail.example.com:25": {25, false, true},
		"smtps://mail.example.com":           {465, true, true},
		"smtps://mail.example.com:2465":      {2465, true, true},
		"http://mail.example.com":            {},
		"smtp://":                            {},
		"smtp://u:p%zz@mail.example.com":     {},
		"smtp://mail.example.com:99999":      {},
		"mail.example.com:25":                {},
	} {
		m, err := New(Config{URL: secret.Secret(url), Sender: "a@example.com"}, clock.System())
		if (err == nil) != want.ok {
			t.Errorf("%s: %v", url, err)
		}
		if err != nil {
			if strings.Contains(err.Error(), "p%zz") {
				t.Errorf("the error shows the password: %v", err)
			}
			continue
		}
		if m.shared.port != want.port || m.shared.implicitTLS != want.tls {
			t.Errorf("%s is read as %+v", url, m.shared)
		}
	}
	if _, err := New(Config{URL: "smtp://h", Sender: "nobody"}, clock.System()); err == nil {
		t.Error("a sender without an address is accepted")
	}
}
