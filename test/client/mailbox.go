package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Mailbox reads the dev mailbox.
type Mailbox struct {
	// URL of the mailbox's page.
	URL string
}

// Mail is one message.
type Mail struct {
	ID      string `json:"ID"`
	Subject string `json:"Subject"`
	Text    string `json:"Text"`
	HTML    string `json:"HTML"`
}

// To returns the mails to an address, newest first, without their texts.
func (m Mailbox) To(ctx context.Context, address string) ([]Mail, error) {
	var found struct {
		Messages []Mail `json:"messages"`
	}
	c := New(m.URL)
	err := c.Expect(ctx, http.MethodGet, "/api/v1/search?query="+url.QueryEscape("to:"+address), nil, &found)
	return found.Messages, err
}

// Await waits for a mail to an address whose subject contains a text.
func (m Mailbox) Await(ctx context.Context, address, subject string) (Mail, error) {
	var mail Mail
	err := Poll(ctx, func(ctx context.Context) error {
		found, err := m.To(ctx, address)
		if err != nil {
			return err
		}
		for _, candidate := range found {
			if strings.Contains(candidate.Subject, subject) {
				return New(m.URL).Expect(ctx, http.MethodGet, "/api/v1/message/"+candidate.ID, nil, &mail)
			}
		}
		return fmt.Errorf("no mail to %s about %q among %d", address, subject, len(found))
	})
	return mail, err
}

var codeInLink = regexp.MustCompile(`[?&]code=([0-9a-z]{45})`)

// Code is the one-time code in the mail's link.
func (m Mail) Code() (string, error) {
	match := codeInLink.FindStringSubmatch(m.Text)
	if match == nil {
		return "", fmt.Errorf("no link with a code in %q", m.Text)
	}
	return match[1], nil
}

// Patience is how long to wait for what must happen. It ends what would never
// end; how long things take is no test's business.
const Patience = 3 * time.Minute

// Poll calls check until it returns nil, and returns its last error when the
// context or, where that has no deadline, [Patience] is over.
func Poll(ctx context.Context, check func(context.Context) error) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, Patience)
		defer cancel()
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	var last error
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err // what was wrong, rather than that time was up
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		case <-ticker.C:
		}
	}
}

func base64URL(text string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(text) }
