// Package siteverify asks the service that gives challenges to browsers whether
// one was passed, in the protocol that Cloudflare Turnstile and its like share:
// a form to a URL named siteverify.
package siteverify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
)

// Config says whom to ask.
type Config struct {
	// URL is where tokens are verified.
	URL string
	// Secret proves to the service who asks.
	Secret secret.Secret
	// Hostnames are those of the pages on which a challenge may have been
	// passed; without any, all are.
	Hostnames []string
	// Client bounds time and size of the exchange.
	Client *http.Client
}

// Verifier implements app.BotVerifier.
type Verifier struct{ cfg Config }

// New returns a Verifier.
func New(cfg Config) *Verifier { return &Verifier{cfg: cfg} }

// answer is what the service says.
type answer struct {
	Success    bool     `json:"success"`
	Hostname   string   `json:"hostname"`
	Action     string   `json:"action"`
	ErrorCodes []string `json:"error-codes"`
}

// Passed implements app.BotVerifier. A challenge of another page or for another
// action was not passed.
func (v *Verifier) Passed(ctx context.Context, token, clientIP string, action app.BotAction) (bool, error) {
	form := url.Values{"secret": {v.cfg.Secret.Reveal()}, "response": {token}}
	if clientIP != "" {
		form.Set("remoteip", clientIP)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.cfg.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := v.cfg.Client.Do(req)
	if err != nil {
		return false, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return false, fmt.Errorf("siteverify: status %d", res.StatusCode)
	}
	var got answer
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		return false, errors.New("siteverify: the answer is not JSON")
	}
	// These are about us, not about whoever is asked about.
	for _, code := range []string{"missing-input-secret", "invalid-input-secret", "bad-request", "internal-error"} {
		if slices.Contains(got.ErrorCodes, code) {
			return false, errors.New("siteverify: " + code)
		}
	}
	return got.Success && got.Action == string(action) && v.trusts(got.Hostname), nil
}

func (v *Verifier) trusts(hostname string) bool {
	return len(v.cfg.Hostnames) == 0 || slices.ContainsFunc(v.cfg.Hostnames, func(trusted string) bool { return strings.EqualFold(trusted, hostname) })
}
