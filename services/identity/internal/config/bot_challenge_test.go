package config

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"vestibule.dev/services/identity/internal/app"
)

// The operator may run what gives the challenges, beside the services.
func TestVerifier_inTheOwnNetwork_isAsked(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("secret") == "s" && r.FormValue("response") == "token" && r.FormValue("remoteip") == "203.0.113.7" {
			_, _ = w.Write([]byte(`{"success": true, "action": "oauth_authenticate", "hostname": "app.example.com"}`))
		}
	}))
	t.Cleanup(server.Close)
	verifier := BotChallenge{Secret: "s", URL: server.URL}.Verifier()
	passed, err := verifier.Passed(t.Context(), "token", "203.0.113.7", app.BotActionOAuth)
	if err != nil || !passed {
		t.Errorf("passed %v, %v", passed, err)
	}
}
