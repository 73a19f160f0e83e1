package e2e

import (
	"net/http"
	"strings"
	"testing"

	"vestibule.dev/test/client"
)

// One request that is wrong in every way is put right step by step; each time
// the next check in the order of the API contract answers.
func TestOrder_everyCheckInTurn_answersFirst(t *testing.T) {
	anonymous, err := visitor(dev).SignUpAnonymously(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, stranger, _ := signUp(t, system.Projects["internal"])
	const unknown = "00000000-0000-4000-8000-000000000000"
	c := client.New(proxyURL).
		With("Publishable-Client-Key", "pck_wrong").
		With("Secret-Server-Key", "ssk_wrong").
		With("Branch-Id", "side").
		With("Access-Token", "garbage")
	method, path := http.MethodDelete, "/contact-channels/me/no-uuid/send-code"
	var body any = []byte("{")

	for _, step := range []struct {
		name   string
		right  func()
		status int
		code   string
	}{
		{"unknown path", func() {}, 404, ""},
		{"unsupported method", func() { path = "/contact-channels/me/no-uuid/send-verification-code" }, 405, ""},
		{"body is no JSON", func() { method = http.MethodPost }, 400, "BODY_PARSING_ERROR"},
		{"keys without access type", func() { body = map[string]any{"extra": 1} }, 400, "PROJECT_KEY_WITHOUT_ACCESS_TYPE"},
		{"unknown access type", func() { c = c.With("Access-Type", "root") }, 400, "INVALID_ACCESS_TYPE"},
		{"no project", func() { c = c.With("Access-Type", "client") }, 400, "ACCESS_TYPE_WITHOUT_PROJECT_ID"},
		{"garbage for a token", func() { c = c.With("Project-Id", unknown) }, 401, "UNPARSABLE_ACCESS_TOKEN"},
		{"token of another project", func() { c = c.With("Access-Token", stranger.AccessToken) }, 401, "INVALID_PROJECT_FOR_ACCESS_TOKEN"},
		{"token of an anonymous user", func() {
			c = c.With("Access-Token", anonymous.AccessToken).With("Project-Id", dev.ID)
		}, 401, "ANONYMOUS_AUTHENTICATION_NOT_ALLOWED"},
		{"unknown project", func() { c = c.With("Access-Token", "").With("Project-Id", unknown) }, 400, "CURRENT_PROJECT_NOT_FOUND"},
		{"wrong key", func() { c = c.With("Project-Id", dev.ID) }, 401, "INVALID_PUBLISHABLE_CLIENT_KEY"},
		{"unknown branch", func() { c = c.With("Publishable-Client-Key", dev.PublishableClientKey) }, 400, "BRANCH_DOES_NOT_EXIST"},
		{"me without a user", func() { c = c.With("Branch-Id", "") }, 400, "CANNOT_GET_OWN_USER_WITHOUT_USER"},
		{"malformed", func() { c = c.SignedIn(anonymous) }, 400, "SCHEMA_ERROR"},
		{"unknown contact channel", func() {
			path, body = strings.Replace(path, "no-uuid", unknown, 1), map[string]any{"callback_url": callbackURL}
		}, 404, ""},
	} {
		step.right()
		got := call(t, c, method, path, body)
		if got.Status != step.status || got.Code() != step.code {
			t.Errorf("%s: answered with %s, want %d %s", step.name, got, step.status, step.code)
		}
		if step.code != "" && got.Object()["code"] != step.code {
			t.Errorf("%s: the body names another code: %s", step.name, got)
		}
	}
}

func TestOrder_accessTypes_beforeSchema(t *testing.T) {
	const path = "/internal/config/override/environment"
	body := map[string]any{"nonsense": true}
	refuse(t, client.New(proxyURL), http.MethodPatch, path, body, "ACCESS_TYPE_REQUIRED")
	got := refuse(t, visitor(dev), http.MethodPatch, path, body, "INSUFFICIENT_ACCESS_TYPE")
	details, _ := got.Object()["details"].(map[string]any)
	if allowed, _ := details["allowed_access_types"].([]any); len(allowed) != 2 || allowed[0] != "server" || allowed[1] != "admin" {
		t.Errorf("allowed access types are %v", details["allowed_access_types"])
	}
	// me wins even over a missing access type.
	refuse(t, client.New(proxyURL), http.MethodGet, "/contact-channels?user_id=me", nil, "CANNOT_GET_OWN_USER_WITHOUT_USER")
	// The route /users/me is not that me.
	refuse(t, client.New(proxyURL), http.MethodGet, "/users/me", nil, "ACCESS_TYPE_REQUIRED")
	refuse(t, visitor(dev), http.MethodGet, "/users/me", nil, "CANNOT_GET_OWN_USER_WITHOUT_USER")
}

func TestSchemaError_severalProblems_namesAll(t *testing.T) {
	got := refuse(t, visitor(dev), http.MethodPost, "/auth/password/sign-up?surplus=1", map[string]any{
		"email": "no address", "password": nil, "verification_callback_url": "not a url", "extra": map[string]any{"deep": 1},
	}, "SCHEMA_ERROR")
	details, _ := got.Object()["details"].(map[string]any)
	message, _ := details["message"].(string)
	if message == "" || message != got.Object()["error"] {
		t.Errorf("details.message %q and error %q differ", message, got.Object()["error"])
	}
	for _, field := range []string{"surplus", "email", "password", "verification_callback_url", "extra"} {
		if !strings.Contains(message, field) {
			t.Errorf("%s is not named in %q", field, message)
		}
	}
}

func TestHeaders_bothSpellings_hexclaveWins(t *testing.T) {
	_, tokens, _ := signUp(t, dev)
	old := client.New(proxyURL).
		WithHeader("X-Stack-Project-Id", dev.ID).
		WithHeader("X-Stack-Access-Type", "client").
		WithHeader("x-stack-publishable-client-key", dev.PublishableClientKey).
		WithHeader("x-stack-access-token", tokens.AccessToken)
	if user := succeed(t, old, http.MethodGet, "/users/me", nil); user["id"] != tokens.UserID {
		t.Errorf("the older spelling answers with user %v", user["id"])
	}
	succeed(t, old.WithHeader("X-Stack-Project-Id", "nonsense").With("Project-Id", dev.ID), http.MethodGet, "/users/me", nil)
	got := refuse(t, old.With("Project-Id", "nonsense").With("Access-Token", "").WithHeader("x-stack-access-token", ""),
		http.MethodGet, "/projects/current", nil, "CURRENT_PROJECT_NOT_FOUND")
	if got.Header.Get("X-Stack-Known-Error") != got.Header.Get("X-Hexclave-Known-Error") {
		t.Error("the known-error headers differ")
	}
}

func TestPaths_aliases_serveTheSame(t *testing.T) {
	_, tokens, me := signUp(t, dev)
	if user := succeed(t, me, http.MethodGet, "/api/latest/users/me", nil); user["id"] != tokens.UserID {
		t.Errorf("/api/latest answers with user %v", user["id"])
	}
	for path, location := range map[string]string{
		"/api/v1/":                    "/api/v1",
		"/api/v1/users/me/?x=%2F":     "/api/v1/users/me?x=%2F",
		"/api//v1///projects/current": "/api/v1/projects/current",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
			c := client.New(system.BaseURL) // a proxy would clean the path
			got := call(t, c, method, path, nil)
			if got.Status != http.StatusPermanentRedirect || got.Header.Get("Location") != location {
				t.Errorf("%s %s: %d to %q, want 308 to %q", method, path, got.Status, got.Header.Get("Location"), location)
			}
		}
	}
	for _, path := range []string{"/api/v2beta1/users/me", "/api/v1/nothing", "/api/v1/projects/current%2F"} {
		if got := call(t, client.New(system.BaseURL), http.MethodGet, path, nil); got.Status != http.StatusNotFound || got.Code() != "" {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestStatusOverride_clientErrors_becomeSuccess(t *testing.T) {
	c := visitor(dev).With("Override-Error-Status", "true")
	got := refuse(t, c, http.MethodGet, "/users/me", nil, "CANNOT_GET_OWN_USER_WITHOUT_USER")
	if got.Status != http.StatusOK || got.Header.Get("X-Hexclave-Actual-Status") != "400" || got.Header.Get("X-Stack-Actual-Status") != "400" {
		t.Errorf("answered %d with actual status %q", got.Status, got.Header.Get("X-Hexclave-Actual-Status"))
	}
	if got := call(t, c, http.MethodGet, "/projects/current", nil); got.Header.Get("X-Hexclave-Actual-Status") != "" {
		t.Error("a success has an actual status")
	}
}

func TestCORS_everyAnswer_isReadableByBrowsers(t *testing.T) {
	for name, got := range map[string]client.Response{
		"preflight": call(t, client.New(proxyURL), http.MethodOptions, "/auth/password/sign-in", nil),
		"error":     call(t, client.New(proxyURL), http.MethodGet, "/users/me", nil),
		"not found": call(t, client.New(proxyURL), http.MethodGet, "/nothing", nil),
	} {
		if got.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: no Access-Control-Allow-Origin", name)
		}
		exposed := strings.ToLower(got.Header.Get("Access-Control-Expose-Headers"))
		for _, header := range []string{"x-stack-known-error", "x-hexclave-known-error", "x-stack-actual-status", "x-hexclave-request-id"} {
			if !strings.Contains(exposed, header) {
				t.Errorf("%s: %s is not exposed", name, header)
			}
		}
	}
	if got := call(t, client.New(proxyURL), http.MethodOptions, "/auth/password/sign-in", nil); got.Status != http.StatusOK || len(got.Body) > 0 {
		t.Errorf("preflight: %s", got)
	}
}

func TestRoot_keys_areProbed(t *testing.T) {
	email, _, me := signUp(t, dev)
	if got := call(t, client.New(proxyURL), http.MethodGet, "/api/v1", nil); !strings.Contains(string(got.Body), "Authentication: None") {
		t.Errorf("without keys: %s", got)
	}
	got := call(t, me, http.MethodGet, "/api/v1", nil)
	for _, line := range []string{"Authentication: Client", "  Project: " + dev.ID, "  User: " + email} {
		if !strings.Contains(string(got.Body), line) {
			t.Errorf("%q is not in %s", line, got.Body)
		}
	}
	refuse(t, visitor(dev).With("Publishable-Client-Key", "pck_wrong"), http.MethodGet, "/api/v1", nil, "INVALID_PUBLISHABLE_CLIENT_KEY")
	refuse(t, client.New(proxyURL), http.MethodGet, "/api/v1?x=1", nil, "SCHEMA_ERROR")
}
