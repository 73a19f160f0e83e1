package siteverify_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/siteverify"
)

func TestPassed_answers_areReadLikeTheService(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		want   bool
		fails  bool
	}{
		"passed":             {200, `{"success": true, "hostname": "app.example.com", "action": "sign_up_with_credential", "error-codes": []}`, true, false},
		"other case of host": {200, `{"success": true, "hostname": "APP.example.com", "action": "sign_up_with_credential"}`, true, false},
		"not passed":         {200, `{"success": false, "error-codes": ["invalid-input-response"]}`, false, false},
		"used before":        {200, `{"success": false, "error-codes": ["timeout-or-duplicate"]}`, false, false},
		"another action":     {200, `{"success": true, "hostname": "app.example.com", "action": "oauth_authenticate"}`, false, false},
		"no action":          {200, `{"success": true, "hostname": "app.example.com"}`, false, false},
		"another page":       {200, `{"success": true, "hostname": "evil.example.net", "action": "sign_up_with_credential"}`, false, false},
		"our secret":         {200, `{"success": false, "error-codes": ["invalid-input-secret"]}`, false, true},
		"their fault":        {200, `{"success": false, "error-codes": ["internal-error"]}`, false, true},
		"an error page":      {500, `oops`, false, true},
		"a redirect":         {302, ``, false, true},
		"no JSON":            {200, `<html>`, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost || r.FormValue("secret") != "s3cret" || r.FormValue("response") != "token" || r.FormValue("remoteip") != "192.0.2.7" {
					t.Errorf("asked %s with %v", r.Method, r.Form)
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer server.Close()
			verifier := siteverify.New(siteverify.Config{URL: server.URL, Secret: "s3cret", Hostnames: []string{"app.example.com"}, Client: server.Client()})
			got, err := verifier.Passed(t.Context(), "token", "192.0.2.7", app.BotActionPasswordSignUp)
			if got != tt.want || (err != nil) != tt.fails {
				t.Errorf("passed %v, %v", got, err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

func TestPassed_nobodyThere_isAnError(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	verifier := siteverify.New(siteverify.Config{URL: server.URL, Secret: "s3cret", Client: server.Client()})
	if got, err := verifier.Passed(t.Context(), "token", "", app.BotActionOTPSend); got || err == nil {
		t.Errorf("passed %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := verifier.Passed(ctx, "token", "", app.BotActionOTPSend); err == nil {
		t.Error("a cancelled request was answered")
	}
}
