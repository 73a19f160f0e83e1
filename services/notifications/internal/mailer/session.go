package mailer

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"vestibule.dev/pkg/clock"
)

// stage is how far an attempt has come. What an error means depends on it.
type stage int

const (
	stageConnect stage = iota
	stageTLS
	stageGreeting
	stageAuth
	stageEnvelope
	stageRecipient
	stageData
	// stageConfirm is after the last byte: only the server knows whether it has
	// the message.
	stageConfirm
)

// session is one connection for one message.
type session struct {
	ctx    context.Context
	host   string
	clock  clock.Clock
	stage  stage
	conn   *limitedConn
	client *smtp.Client
	stop   func() bool
	sent   bool
}

// use takes over the connection; it is cut when the attempt's time is up.
func (s *session) use(raw net.Conn) {
	s.conn = &limitedConn{Conn: raw, clock: s.clock, timeout: greetingTimeout}
	s.stop = context.AfterFunc(s.ctx, func() { _ = raw.Close() })
}

// envelope tells the server from whom and to whom.
func (s *session) envelope(letter *mail.Msg) error {
	s.stage = stageEnvelope
	from, err := letter.GetSender(false)
	if err != nil {
		return err
	}
	recipients, err := letter.GetRecipients()
	if err != nil {
		return err
	}
	if err := s.client.Mail(from); err != nil {
		return err
	}
	s.stage = stageRecipient
	for _, recipient := range recipients {
		if err := s.client.Rcpt(recipient); err != nil {
			return err
		}
	}
	return nil
}

// data sends the message and waits for the server to take it.
func (s *session) data(letter *mail.Msg) error {
	s.stage = stageData
	writer, err := s.client.Data()
	if err != nil {
		return err
	}
	if _, err := letter.WriteTo(writer); err != nil {
		return err
	}
	s.stage = stageConfirm
	if err := writer.Close(); err != nil {
		return err
	}
	s.sent = true
	return nil
}

// close says goodbye after a success and hangs up otherwise. What the server
// answers to that does not matter.
func (s *session) close() {
	if s.conn == nil {
		return
	}
	if s.sent {
		s.conn.timeout = quitTimeout
		_ = s.client.Quit()
	}
	s.stop()
	_ = s.conn.Close()
}

// maxHeard is how much a mail server may say in all: a handful of replies, and
// certificates. Replies are kept until they end, and it is for the server to say
// when that is.
const maxHeard = 1 << 20

var errTalkative = errors.New("mailer: the server does not stop talking")

// limitedConn bounds the wait for each single read and write, and all that is
// read.
type limitedConn struct {
	net.Conn
	clock   clock.Clock
	timeout time.Duration
	heard   int
}

// Read implements net.Conn.
func (c *limitedConn) Read(p []byte) (int, error) {
	if err := c.Conn.SetReadDeadline(c.clock.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	if c.heard >= maxHeard {
		return 0, errTalkative
	}
	n, err := c.Conn.Read(p)
	c.heard += n
	return n, err
}

// Write implements net.Conn.
func (c *limitedConn) Write(p []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(c.clock.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
