package mailer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"os"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/httpx"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/domain/hxtemplate"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

// Limits of one attempt (notifications.md §3).
const (
	connectTimeout  = 15 * time.Second
	greetingTimeout = 10 * time.Second
	socketTimeout   = 20 * time.Second
	quitTimeout     = 2 * time.Second
	attemptTimeout  = 2 * time.Minute
	maxSenderName   = 200
)

// Mailer implements app.Mailer over SMTP.
type Mailer struct {
	shared target
	own    *httpx.Dialer // for hosts that projects chose
	open   *net.Dialer   // for the operator's host
	clock  clock.Clock
	helo   string
	tls    *tls.Config // nil but in tests
}

// New returns a Mailer that sends through the platform's server, or through
// those of projects.
func New(cfg Config, systemClock clock.Clock) (*Mailer, error) {
	shared, err := cfg.shared()
	if err != nil {
		return nil, err
	}
	helo, err := os.Hostname()
	if err != nil || helo == "" {
		helo = "localhost"
	}
	return &Mailer{
		shared: shared,
		own:    &httpx.Dialer{Allow: cfg.AllowNetworks, Timeout: connectTimeout},
		open:   &net.Dialer{Timeout: connectTimeout},
		clock:  systemClock,
		helo:   helo,
	}, nil
}

// Send implements app.Mailer.
func (m *Mailer) Send(ctx context.Context, server app.Server, message app.Message, handOver func(ctx context.Context) error) error {
	to, failure := m.target(server)
	if failure != nil {
		return failure
	}
	letter, failure := m.compose(to, message)
	if failure != nil {
		return failure
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	s := &session{ctx: ctx, host: to.host, clock: m.clock}
	defer s.close()
	if err := m.connect(s, server.Shared, to); err != nil {
		return s.failure(err)
	}
	if err := s.envelope(letter); err != nil {
		return s.failure(err)
	}
	if err := handOver(ctx); err != nil {
		return err
	}
	if err := s.data(letter); err != nil {
		return s.failure(err)
	}
	return nil
}

// target resolves the server; one of a project must be complete.
func (m *Mailer) target(server app.Server) (target, *domain.SendFailure) {
	if server.Shared {
		t := m.shared
		if name := displayName(server.SenderName); name != "" {
			t.from.Name = name
		}
		return t, nil
	}
	if server.Host == "" || server.Port == 0 || server.Username == "" || server.Password == "" || server.SenderName == "" || server.SenderEmail == "" {
		return target{}, &domain.SendFailure{Type: domain.FailureUnknown, Message: "The project's mail server is not configured completely."}
	}
	from, err := bareAddress(server.SenderEmail)
	if err != nil {
		return target{}, &domain.SendFailure{Type: domain.FailureInvalidEmailAddress, Message: "The project's sender address is not valid.", Cause: err}
	}
	from.Name = displayName(server.SenderName)
	return target{
		host: server.Host, port: server.Port, implicitTLS: server.Port == 465 || server.Port == 2465,
		username: server.Username, password: server.Password, from: *from,
	}, nil
}

// displayName makes a name fit for a header.
func displayName(name string) string {
	return letter.Shorten(headerText(name), maxSenderName)
}

// headerText makes a text fit for a header: on one line, and without what a
// mail reader would take for an encoded word (RFC 2047) and decode to anything.
func headerText(text string) string {
	return strings.ReplaceAll(hxtemplate.SingleLine(text), "=?", "= ?")
}

// bareAddress reads an address without a name.
func bareAddress(text string) (*netmail.Address, error) {
	address, err := netmail.ParseAddress(text)
	if err == nil && (address.Name != "" || strings.ContainsAny(text, "<>,\r\n")) {
		err = errors.New("not a bare address")
	}
	return address, err
}

// compose builds the message. Header values are encoded by the library; what
// reaches it holds no line breaks.
func (m *Mailer) compose(to target, message app.Message) (*mail.Msg, *domain.SendFailure) {
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	letter.FromMailAddress(&to.from)
	for _, recipient := range message.To {
		address, err := bareAddress(recipient)
		if err != nil {
			return nil, &domain.SendFailure{
				Type: domain.FailureInvalidEmailAddress, Message: "A recipient's address is not valid.", Cause: err,
			}
		}
		letter.AddToMailAddress(address)
	}
	letter.Subject(headerText(message.Subject))
	letter.SetDateWithValue(m.clock.Now())
	_, host, _ := strings.Cut(to.from.Address, "@")
	letter.SetMessageIDWithValue(message.ID + "@" + host)
	// Nobody's absence should be reported to us (RFC 3834).
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	if message.UnsubscribeURL != "" {
		letter.SetGenHeader(mail.HeaderListUnsubscribe, "<"+message.UnsubscribeURL+">")
		letter.SetGenHeader(mail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	}
	letter.SetBodyString(mail.TypeTextPlain, message.Text)
	letter.AddAlternativeString(mail.TypeTextHTML, message.HTML)
	return letter, nil
}

// connect opens a connection that is ready for a message: encrypted if the
// server can, and authenticated if it asks for that.
func (m *Mailer) connect(s *session, shared bool, to target) error {
	s.stage = stageConnect
	dial := m.own.DialContext
	if shared {
		dial = m.open.DialContext
	}
	raw, err := dial(s.ctx, "tcp", to.address())
	if err != nil {
		return err
	}
	s.use(raw)
	tlsConfig := &tls.Config{ServerName: to.host, MinVersion: tls.VersionTLS12}
	if m.tls != nil {
		tlsConfig.RootCAs = m.tls.RootCAs
	}
	var conn net.Conn = s.conn
	if to.implicitTLS {
		s.stage = stageTLS
		secure := tls.Client(s.conn, tlsConfig)
		if err := secure.HandshakeContext(s.ctx); err != nil {
			return err
		}
		conn = secure
	}
	s.stage = stageGreeting
	if s.client, err = smtp.NewClient(conn, to.host); err != nil {
		return err
	}
	s.conn.timeout = socketTimeout
	if err := s.client.Hello(m.helo); err != nil {
		return err
	}
	if offered, _ := s.client.Extension("STARTTLS"); offered && !to.implicitTLS {
		s.stage = stageTLS
		if err := s.client.StartTLS(tlsConfig); err != nil {
			return err
		}
	}
	s.stage = stageAuth
	return s.authenticate(to)
}

// authenticate logs in if the server offers it. Over a connection others can
// read, the password is only used in ways that do not show it.
func (s *session) authenticate(to target) error {
	offered, mechanisms := s.client.Extension("AUTH")
	if !offered || to.username == "" {
		return nil
	}
	_, encrypted := s.client.TLSConnectionState()
	private := encrypted || loopback(s.conn)
	for _, mechanism := range []struct {
		name  string
		shows bool // the password
		auth  func(username, password string) smtp.Auth
	}{
		{"SCRAM-SHA-256", false, smtp.ScramSHA256Auth},
		{"PLAIN", true, func(u, p string) smtp.Auth { return smtp.PlainAuth("", u, p, to.host, private) }},
		{"LOGIN", true, func(u, p string) smtp.Auth { return smtp.LoginAuth(u, p, to.host, private) }},
		{"CRAM-MD5", false, smtp.CRAMMD5Auth},
	} {
		if has(mechanisms, mechanism.name) && (private || !mechanism.shows) {
			return s.client.Auth(mechanism.auth(to.username, to.password.Reveal()))
		}
	}
	return fmt.Errorf("the server offers no log-in that keeps the password safe, but %q", mechanisms)
}

func has(mechanisms, name string) bool {
	for offered := range strings.FieldsSeq(mechanisms) {
		if strings.EqualFold(offered, name) {
			return true
		}
	}
	return false
}

func loopback(conn net.Conn) bool {
	address, ok := conn.RemoteAddr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}
