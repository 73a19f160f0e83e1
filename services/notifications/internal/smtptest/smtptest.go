// Package smtptest promises tests a real mail server that fails on demand.
package smtptest

import (
	"errors"
	"io"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"vestibule.dev/pkg/loopback"
)

// Message is a mail the server received.
type Message struct {
	From string
	To   []string
	Raw  string
}

// ID is the message's Message-ID without its domain.
func (m Message) ID() string {
	parsed, err := mail.ReadMessage(strings.NewReader(m.Raw))
	if err != nil {
		return ""
	}
	id, _, _ := strings.Cut(strings.Trim(parsed.Header.Get("Message-Id"), "<>"), "@")
	return id
}

// Server is a mail server on loopback.
type Server struct {
	Addr string // host:port

	t        testing.TB
	server   *smtp.Server
	mu       sync.Mutex
	received []Message
	onRcpt   func(to string) error
	onData   func(Message) error
	password string
	arrived  *sync.Cond
}

// ErrCut is returned by a hook to cut the connection instead of answering.
var ErrCut = errors.New("cut the connection")

// Refuse is a reply with this code.
func Refuse(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
}

// New starts a server that stops with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t}
	s.arrived = sync.NewCond(&s.mu)
	port, err := loopback.Reserve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Release)
	s.Addr = port.Addr()
	listener, err := net.Listen("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{server: s, conn: c}, nil }))
	server.Domain, server.AllowInsecureAuth, server.EnableSMTPUTF8 = "localhost", true, true
	server.ErrorLog = silent{}
	s.server = server
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// Stop ends the server; from then on nobody answers at its address.
func (s *Server) Stop() { _ = s.server.Close() }

// OnData decides about each message after it was transmitted. A message that is
// cut counts as received: the server has it, only the client does not know.
func (s *Server) OnData(hook func(Message) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onData = hook
}

// OnRcpt decides about each recipient.
func (s *Server) OnRcpt(hook func(to string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onRcpt = hook
}

// RequirePassword makes the server offer PLAIN with this password.
func (s *Server) RequirePassword(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.password = password
}

// Received lists the messages so far.
func (s *Server) Received() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.received...)
}

// Await waits for n messages.
func (s *Server) Await(n int) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.received) < n {
		s.arrived.Wait()
	}
	return append([]Message(nil), s.received...)
}

type session struct {
	server  *Server
	conn    *smtp.Conn
	message Message
}

func (s *session) AuthMechanisms() []string {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.password == "" {
		return nil
	}
	return []string{"PLAIN"}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, password string) error {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		if password != s.server.password {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.message.From = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	hook := s.server.onRcpt
	s.server.mu.Unlock()
	s.message.To = append(s.message.To, to)
	if hook != nil {
		return hook(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.message.Raw = string(raw)
	s.server.mu.Lock()
	hook := s.server.onData
	s.server.mu.Unlock()
	if hook != nil {
		err = hook(s.message)
	}
	cut := errors.Is(err, ErrCut)
	if err != nil && !cut {
		return err
	}
	s.server.mu.Lock()
	s.server.received = append(s.server.received, s.message)
	s.server.arrived.Broadcast()
	s.server.mu.Unlock()
	if cut {
		_ = s.conn.Conn().Close()
	}
	return nil
}

func (s *session) Reset() { s.message = Message{} }

func (s *session) Logout() error { return nil }

// silent drops what the server logs about connections that were cut.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}
