package mailbox

import (
	"io"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const maxMessageBytes = 10 << 20

// NewSMTPServer returns a server that puts every mail into the store. It takes
// any credentials and asks for none.
func NewSMTPServer(store *Store) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{store: store}, nil
	}))
	server.Domain = "mailbox.localhost"
	server.MaxMessageBytes = maxMessageBytes
	server.MaxRecipients = 100
	server.AllowInsecureAuth = true // loopback alone
	server.EnableSMTPUTF8 = true
	return server
}

// session is one connection of a sender.
type session struct {
	store    *Store
	envelope Envelope
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.envelope.From = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	local, _, _ := strings.Cut(to, "@")
	if err, ok := provoked[strings.ToLower(local)]; ok {
		return err
	}
	s.envelope.To = append(s.envelope.To, to)
	return nil
}

// provoked are the failures that a sender can order by the recipient's name.
var provoked = map[string]*smtp.SMTPError{
	"tempfail": {
		Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0},
		Message: "this recipient always asks you to try again later",
	},
	"reject": {
		Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1},
		Message: "this recipient refuses all mail",
	},
}

func (s *session) Data(r io.Reader) error {
	source, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, err = s.store.Add(s.envelope, source)
	return err
}

func (s *session) Reset() { s.envelope = Envelope{} }

func (s *session) Logout() error { return nil }

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth takes whatever a sender presents.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, _ string) error { return nil }), nil
}
