package mailbox

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/emersion/go-smtp"
)

// Server is a running mailbox.
type Server struct {
	smtp     *smtp.Server
	http     *http.Server
	smtpAddr net.Addr
	httpAddr net.Addr
}

// Config says where a mailbox listens and what it keeps.
type Config struct {
	SMTPAddr string // "127.0.0.1:0" lets the kernel choose a port
	HTTPAddr string
	Dir      string // keeps mails between starts; empty means memory alone
}

// Start serves a mailbox until Stop.
func Start(config Config) (*Server, error) {
	store, err := NewStore(config.Dir)
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	smtpListener, err := net.Listen("tcp", config.SMTPAddr)
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	httpListener, err := net.Listen("tcp", config.HTTPAddr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mailbox: %w", err), smtpListener.Close())
	}
	s := &Server{
		smtp: NewSMTPServer(store),
		http: &http.Server{
			Handler:           NewHandler(store),
			ReadHeaderTimeout: 5 * time.Second,
			IdleTimeout:       time.Minute,
			MaxHeaderBytes:    64 << 10,
		},
		smtpAddr: smtpListener.Addr(),
		httpAddr: httpListener.Addr(),
	}
	// Both end when Stop closes their listeners and not before: an accept that
	// fails is tried again by the servers themselves.
	go func() { _ = s.smtp.Serve(smtpListener) }()
	go func() { _ = s.http.Serve(httpListener) }()
	return s, nil
}

// SMTPAddr is host and port of the mail server.
func (s *Server) SMTPAddr() string { return s.smtpAddr.String() }

// URL is the web page; the API lies below it.
func (s *Server) URL() string { return "http://" + s.httpAddr.String() }

// Stop ends the servers and all connections. A sender that is cut off in the
// middle of a mail has no answer and sends it again.
func (s *Server) Stop() error {
	return errors.Join(s.smtp.Close(), s.http.Close())
}
