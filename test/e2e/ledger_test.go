package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// ledger stands in front of the system and keeps what nobody but the two ends
// may know: every secret that was issued or sent, whoever the client was.
type ledger struct {
	next http.Handler

	mu sync.Mutex
	// secrets says of each secret what it is.
	secrets map[string]string
	emails  map[string]bool
	// refusals are the bodies of errors, by route.
	refusals map[string]string
}

func newLedger(next http.Handler) *ledger {
	return &ledger{next: next, secrets: map[string]string{}, emails: map[string]bool{}, refusals: map[string]string{}}
}

// minSecret is the shortest text taken for a secret: shorter ones are those
// that tests send to be refused, and would be found anywhere.
const minSecret = 9

// codeLength is the length of every one-time code.
const codeLength = 45

// secretNames are the JSON keys, form keys and headers whose values are
// secret. Publishable keys are not.
var secretNames = map[string]bool{
	"access_token": true, "refresh_token": true, "password": true, "old_password": true, "new_password": true,
	"password_hash": true, "polling_code": true, "full_code": true, "client_secret": true, "login_code": true, "anon_refresh_token": true, "api_key": true, "code": true, "attempt_code": true, "totp_secret_base64": true, "secret_server_key": true, "super_secret_admin_key": true,
	"x-hexclave-access-token": true, "x-hexclave-refresh-token": true, "x-hexclave-admin-access-token": true,
	"x-hexclave-secret-server-key": true, "x-hexclave-super-secret-admin-key": true,
	"x-stack-access-token": true, "x-stack-refresh-token": true, "x-stack-admin-access-token": true,
	"x-stack-secret-server-key": true, "x-stack-super-secret-admin-key": true,
}

// apiKey matches the text of an API key.
var apiKey = regexp.MustCompile(`^[sp]k_[0-9a-z]{99}$`)

// note keeps a value under its name.
func (l *ledger) note(name, value string) {
	name = strings.ToLower(name)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case name == "email" || name == "primary_email":
		if strings.Contains(value, "@") {
			l.emails[value] = true
			l.emails[strings.ToLower(value)] = true
		}
	case name == "code" && (len(value) != codeLength || value == strings.ToUpper(value)): // the code of an error
	// A new API key comes under the name of everything that has a value.
	case (secretNames[name] || name == "value" && apiKey.MatchString(value)) && len(value) >= minSecret:
		l.secrets[value] = name
		// The first two parts of a JWT are open to read and the last one is
		// what makes it work.
		if parts := strings.Split(value, "."); len(parts) == 3 && len(parts[2]) >= minSecret {
			l.secrets[parts[2]] = name + " (signature)"
		}
	}
}

// noteAll keeps what is below a JSON value.
func (l *ledger) noteAll(value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, below := range value {
			if text, ok := below.(string); ok {
				l.note(name, text)
			} else {
				l.noteAll(below)
			}
		}
	case []any:
		for _, item := range value {
			l.noteAll(item)
		}
	}
}

func (l *ledger) noteText(contentType string, text []byte) {
	var value any
	if json.Unmarshal(text, &value) == nil {
		l.noteAll(value)
	} else if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		l.noteValues(string(text))
	}
}

func (l *ledger) noteValues(encoded string) {
	values, _ := url.ParseQuery(encoded)
	for name, value := range values {
		l.note(name, value[0])
	}
}

// ServeHTTP implements http.Handler.
func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, values := range r.Header {
		l.note(name, values[0])
	}
	l.noteValues(r.URL.RawQuery)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if r.Header.Get("Content-Encoding") == "" {
		l.noteText(r.Header.Get("Content-Type"), body)
	}
	answer := &recorder{ResponseWriter: w, status: http.StatusOK}
	l.next.ServeHTTP(answer, r)
	l.noteText(w.Header().Get("Content-Type"), answer.body.Bytes())
	if answer.status >= 400 || w.Header().Get("X-Stack-Known-Error") != "" {
		l.mu.Lock()
		l.refusals[r.Method+" "+r.URL.Path+": "+answer.body.String()] = w.Header().Get("X-Stack-Known-Error")
		l.mu.Unlock()
	}
}

// recorder keeps a copy of what passes.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

// Unwrap lets the reverse proxy flush.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
