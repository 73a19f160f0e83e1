package conformance

import (
	"net/http"
	"strings"
	"testing"
)

func TestLoad_contract_has72Operations(t *testing.T) {
	contract := load(t)
	if n := len(contract.Operations()); n != 72 {
		t.Errorf("the contract has %d operations, want 72", n)
	}
}

func TestFind_literalSegment_winsOverParameter(t *testing.T) {
	contract := load(t)
	for path, want := range map[string]string{
		"/auth/sessions/current":                              "DELETE /auth/sessions/current",
		"/auth/sessions/0d5a5e3c-6b7e-4d1e-9f3b-0a6f3a3c9b11": "DELETE /auth/sessions/{id}",
	} {
		if got, ok := contract.Find(http.MethodDelete, path); !ok || got != want {
			t.Errorf("Find(%s) = %q, %v; want %q", path, got, ok, want)
		}
	}
}

func TestCheck_responses(t *testing.T) {
	contract := load(t)
	const user = `{"id":"3241a285-8329-4d69-8f3d-316e08cf140c","primary_email":null,"primary_email_verified":false,` +
		`"display_name":null,"client_metadata":[1],"signed_up_at_millis":1,"is_anonymous":false,"is_restricted":false,` +
		`"restricted_reason":null,"restricted_by_admin":false,"selected_team":null,"has_password":true}`
	for _, tt := range []struct {
		name   string
		status int
		code   string
		body   string
		want   string
	}{
		{"good", 200, "", user, ""},
		{"any JSON is null", 200, "", strings.Replace(user, `[1]`, `null`, 1), ""},
		{"any JSON is a scalar", 200, "", strings.Replace(user, `[1]`, `"x"`, 1), ""},
		{"required property missing", 200, "", strings.Replace(user, `"is_anonymous":false,`, "", 1), "is_anonymous"},
		{"wrong type", 200, "", strings.Replace(user, `"is_anonymous":false`, `"is_anonymous":"no"`, 1), "is_anonymous"},
		{"null where not nullable", 200, "", strings.Replace(user, `"is_anonymous":false`, `"is_anonymous":null`, 1), "is_anonymous"},
		{"undocumented status", 201, "", user, "201"},
		{"not JSON", 200, "", `{`, "not JSON"},
		{"known error", 404, "USER_NOT_FOUND", `{"code":"USER_NOT_FOUND","error":"No such user."}`, ""},
		{"code differs from header", 404, "USER_NOT_FOUND", `{"code":"TEAM_NOT_FOUND","error":"x"}`, "TEAM_NOT_FOUND"},
		{"error without sentence", 404, "USER_NOT_FOUND", `{"code":"USER_NOT_FOUND","error":""}`, "sentence"},
		{"details null", 404, "USER_NOT_FOUND", `{"code":"USER_NOT_FOUND","error":"x","details":null}`, "details"},
		{"plain-text error", 403, "", `No.`, ""},
		{"unavailable", 503, "", `Busy.`, ""},
		{"internal error", 500, "", `Oops.`, "500"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := http.Header{}
			header.Set("Content-Type", "application/json; charset=utf-8")
			header.Set("Cache-Control", "no-store, max-age=0")
			header.Set("X-Stack-Request-Id", "0123456789abcdef")
			header.Set("X-Hexclave-Request-Id", "0123456789abcdef")
			if tt.code != "" {
				header.Set("X-Stack-Known-Error", tt.code)
				header.Set("X-Hexclave-Known-Error", tt.code)
			}
			err := contract.Check(http.MethodGet, "/users/me", tt.status, header, []byte(tt.body))
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("a good response was refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("Check = %v, want an error naming %q", err, tt.want)
			}
		})
	}
}

func load(t *testing.T) *Contract {
	t.Helper()
	contract, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return contract
}
