// Package deliverer posts webhooks to the endpoints of projects: signed as
// Standard Webhooks has it, to the public Internet and nowhere else.
package deliverer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/httpx"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

const (
	// timeout bounds a call, from the look-up of the name to the end of the
	// answer.
	timeout = 15 * time.Second
	// maxAnswer is how much of an answer is read, and maxExcerpt how much of it
	// is kept, in bytes.
	maxAnswer  = 64 << 10
	maxExcerpt = 1 << 10
)

// Config says where endpoints may be.
type Config struct {
	// AllowNetworks are networks outside the public Internet in which endpoints
	// may be. With any, endpoints need no TLS either: for development and
	// private installations.
	AllowNetworks []netip.Prefix `env:"WEBHOOK_ALLOW_NETWORKS"`
}

// Deliverer implements app.Receivers.
type Deliverer struct {
	client *http.Client
	allow  []netip.Prefix
	clock  clock.Clock
}

// New returns a Deliverer.
func New(cfg Config, c clock.Clock) *Deliverer { return newDeliverer(cfg, c, httpx.ClientConfig{}) }

// newDeliverer lets tests choose the resolver and the certificates.
func newDeliverer(cfg Config, c clock.Clock, client httpx.ClientConfig) *Deliverer {
	client.Dialer.Allow = cfg.AllowNetworks
	client.Timeout = timeout
	client.MaxResponse = maxAnswer
	// Many projects may have their endpoints at the same provider.
	client.MaxConnsPerHost = 256
	return &Deliverer{client: httpx.NewClient(client), allow: cfg.AllowNetworks, clock: c}
}

// Check implements app.Receivers. It refuses early what the dialer would refuse
// with every delivery, as far as the URL alone tells.
func (d *Deliverer) Check(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return errors.New("must be an absolute URL")
	case u.Scheme != "https" && (u.Scheme != "http" || len(d.allow) == 0):
		return errors.New("must begin with https://")
	case u.User != nil:
		return errors.New("must not contain a user or password")
	case u.Fragment != "":
		return errors.New("must not have a fragment")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errors.New("must have a port between 1 and 65535")
		}
	}
	address, err := netip.ParseAddr(u.Hostname())
	if err == nil && !httpx.Public(address) && !d.allowed(address) {
		return errors.New("must lead to the public Internet")
	}
	return nil
}

func (d *Deliverer) allowed(address netip.Addr) bool {
	for _, network := range d.allow {
		if network.Contains(address.Unmap()) {
			return true
		}
	}
	return false
}

// Post implements app.Receivers.
func (d *Deliverer) Post(ctx context.Context, call app.WebhookCall) webhook.Outcome {
	start := d.clock.Now()
	outcome := d.post(ctx, start, call)
	outcome.Duration = d.clock.Now().Sub(start)
	return outcome
}

func (d *Deliverer) post(ctx context.Context, now time.Time, call app.WebhookCall) webhook.Outcome {
	if err := d.Check(call.URL); err != nil {
		return webhook.Outcome{Problem: "The URL " + err.Error() + "."}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, call.URL, bytes.NewReader(call.Payload))
	if err != nil {
		return webhook.Outcome{Problem: "The URL cannot be read."}
	}
	if err := sign(request.Header, now, call); err != nil {
		return webhook.Outcome{Problem: "The endpoint's secret cannot be read."}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "vestibule-webhooks/1")
	response, err := d.client.Do(request)
	if err != nil {
		return webhook.Outcome{Problem: explain(err)}
	}
	defer response.Body.Close()
	// The status decides. The rest is for people to look at, and reading it lets
	// the connection be used again.
	body, _ := io.ReadAll(response.Body)
	return webhook.Outcome{Status: response.StatusCode, Body: excerpt(body)}
}

// sign sets the headers of Standard Webhooks in both spellings, with a signature
// for every secret that is in use.
func sign(header http.Header, now time.Time, call app.WebhookCall) error {
	var signatures []string
	for _, key := range call.Secrets {
		signer, err := standardwebhooks.NewWebhook(key.Reveal())
		if err != nil {
			return errors.New("deliverer: a secret is not base64") // the library's error would repeat it
		}
		signature, err := signer.Sign(call.MessageID, now, call.Payload)
		if err != nil {
			return err
		}
		signatures = append(signatures, signature)
	}
	for name, value := range map[string]string{
		"id": call.MessageID, "timestamp": strconv.FormatInt(now.Unix(), 10), "signature": strings.Join(signatures, " "),
	} {
		header.Set("webhook-"+name, value)
		header.Set("svix-"+name, value)
	}
	return nil
}

// explain says what went wrong without telling the project anything about the
// network the platform is in.
func explain(err error) string {
	var dns *net.DNSError
	var timedOut net.Error
	switch {
	case errors.Is(err, httpx.ErrForbiddenAddress):
		return "The URL does not lead to the public Internet."
	case errors.As(err, &dns) && dns.IsNotFound:
		return "The name of the host is not known."
	case errors.As(err, &timedOut) && timedOut.Timeout():
		return "The endpoint did not answer within 15 seconds."
	case isTLS(err):
		return "The endpoint has no valid certificate."
	}
	return "The connection failed."
}

// excerpt keeps the beginning of an answer that a database takes and a person
// can read.
func excerpt(body []byte) string {
	if len(body) > maxExcerpt {
		body = body[:maxExcerpt]
		last := len(body) - 1
		for last > len(body)-utf8.UTFMax && !utf8.RuneStart(body[last]) {
			last--
		}
		if !utf8.FullRune(body[last:]) {
			body = body[:last]
		}
	}
	return strings.ToValidUTF8(strings.ReplaceAll(string(body), "\x00", "\ufffd"), "\ufffd")
}
