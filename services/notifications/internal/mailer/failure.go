package mailer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"syscall"

	"vestibule.dev/pkg/httpx"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/domain/hxtemplate"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

// maxReply is how many characters of a server's reply are repeated.
const maxReply = 500

// failure classifies an error by what it is and by the stage it happened in.
func (s *session) failure(err error) *domain.SendFailure {
	f := func(kind domain.FailureType, retry bool, message string, args ...any) *domain.SendFailure {
		return &domain.SendFailure{Type: kind, Retry: retry, Message: fmt.Sprintf(message, args...), Cause: err}
	}
	var reply *textproto.Error
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &reply):
		return s.refusal(reply)
	case errors.As(err, &dns) && dns.IsNotFound:
		return f(domain.FailureHostNotFound, false, "The mail server's host name %s does not exist.", s.host)
	case errors.Is(err, httpx.ErrForbiddenAddress):
		return f(domain.FailureUnknown, false, "The mail server's address is not on the public Internet.")
	case errors.Is(err, errTalkative):
		return f(domain.FailureUnknown, false, "The mail server says more than mail servers do.")
	case s.timedOut(err) && s.stage == stageConfirm:
		return f(domain.FailureTimeout, false, "The mail server did not confirm the mail in time. It may or may not have arrived, so it is not sent again.")
	case s.timedOut(err):
		return f(domain.FailureTimeout, true, "The mail server did not answer in time.")
	case errors.As(err, &certificate):
		return f(domain.FailureUnknown, false, "The mail server's certificate is not valid for %s.", s.host)
	case s.stage == stageTLS:
		return f(domain.FailureUnknown, true, "The mail server could not be reached over TLS.")
	case refused(err):
		// Nothing was said yet, so trying again can only help.
		return f(domain.FailureUnknown, true, "The mail server does not accept connections.")
	case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		return f(domain.FailureUnknown, strings.Contains(s.host, "resend") && s.stage != stageConfirm, "The mail server reset the connection.")
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed):
		return f(domain.FailureSocketClosed, false, "The mail server closed the connection unexpectedly.")
	case s.stage == stageAuth:
		return f(domain.FailureAuth, false, "Logging in to the mail server failed.")
	}
	return f(domain.FailureUnknown, false, "The mail could not be sent.")
}

// refusal classifies a negative reply of the server.
func (s *session) refusal(reply *textproto.Error) *domain.SendFailure {
	line := letter.Shorten(hxtemplate.SingleLine(fmt.Sprintf("%d %s", reply.Code, reply.Msg)), maxReply)
	temporary := reply.Code >= 400 && reply.Code < 500
	f := func(kind domain.FailureType, retry bool, message string) *domain.SendFailure {
		return &domain.SendFailure{
			Type: kind, Retry: retry, Recipient: s.stage == stageRecipient && !temporary, Message: message + " It answered: " + line, Cause: reply,
		}
	}
	switch {
	case reply.Code == 535 || s.stage == stageAuth && !temporary:
		return &domain.SendFailure{Type: domain.FailureAuth, Message: "The mail server refused user name or password.", Cause: reply}
	case reply.Code == 450:
		return f(domain.FailureTemporary, true, "The mail server cannot take the mail at the moment.")
	case reply.Code == 553:
		return f(domain.FailureInvalidEmailAddress, false, "The mail server finds an address invalid.")
	case temporary:
		return f(domain.FailureTransient, true, "The mail server cannot take the mail at the moment.")
	case strings.Contains(strings.ToLower(line), "too many requests") || strings.Contains(line, "450 "):
		return f(domain.FailureUnknown, true, "The mail server is asked too much at the moment.")
	case reply.Code == 554 || s.stage == stageEnvelope || s.stage == stageRecipient:
		return f(domain.FailureRejected, false, "The mail server rejected the mail.")
	}
	return f(domain.FailureUnknown, false, "The mail server did not take the mail.")
}

// timedOut reports whether a time limit, ours or the system's, was the cause.
func (s *session) timedOut(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout() || errors.Is(s.ctx.Err(), context.DeadlineExceeded)
}

func refused(err error) bool {
	for _, cause := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}
