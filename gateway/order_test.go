package gateway

import (
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"vestibule.dev/pkg/principal"
	identityv1 "vestibule.dev/proto/identity/v1"
)

// Every row fails at one step and at all later ones, so a step that moves is
// noticed (protocol §5).
func TestServe_firstFailingStep_answers(t *testing.T) {
	r := newRig(t)
	badToken := "not.a.jwt"
	old := func(c jwt.MapClaims) { c["exp"] = r.clock.Now().Unix() }
	admins := ofProject("internal")
	const list, meInQuery = "/api/v1/things", "/api/v1/things?user_id=me"
	tests := []struct {
		name string
		request
		status int
		code   string
	}{
		{"1 unknown path", request{path: "/api/v1/nope", body: "{", headers: client("Access-Type", "x")}, 404, ""},
		{"1 unknown method", request{method: "PUT", path: list, body: "{", headers: client("Access-Type", "x")}, 405, ""},
		{"2 body before everything", request{method: "POST", path: list, body: "{", headers: map[string]string{"Secret-Server-Key": "x"}}, 400, "BODY_PARSING_ERROR"},
		{"3 client key without type", request{path: meInQuery, headers: map[string]string{"Publishable-Client-Key": "x"}}, 400, "PROJECT_KEY_WITHOUT_ACCESS_TYPE"},
		{"3 server key without type", request{headers: map[string]string{"Secret-Server-Key": "x"}}, 400, "PROJECT_KEY_WITHOUT_ACCESS_TYPE"},
		{"3 admin key without type", request{headers: map[string]string{"Super-Secret-Admin-Key": "x"}}, 400, "PROJECT_KEY_WITHOUT_ACCESS_TYPE"},
		{"3 admin token without type", request{headers: map[string]string{"Admin-Access-Token": "x"}}, 400, "PROJECT_KEY_WITHOUT_ACCESS_TYPE"},
		{"3 empty keys count as absent", request{headers: map[string]string{"Secret-Server-Key": "", "Admin-Access-Token": ""}}, 400, "ACCESS_TYPE_REQUIRED"},
		{"4 user tokens are ignored", request{headers: map[string]string{"Access-Token": badToken}}, 400, "ACCESS_TYPE_REQUIRED"},
		{"5 bad type", request{headers: map[string]string{"Access-Type": "Client", "Access-Token": badToken}}, 400, "INVALID_ACCESS_TYPE"},
		{"6 no project", request{headers: client("Project-Id", "", "Access-Token", badToken)}, 400, "ACCESS_TYPE_WITHOUT_PROJECT_ID"},
		{"7 bad token before unknown project", request{headers: client("Project-Id", "nope", "Access-Token", badToken)}, 401, "UNPARSABLE_ACCESS_TOKEN"},
		{"7 empty token is absent", request{headers: client("Project-Id", "nope", "Access-Token", "")}, 400, "CURRENT_PROJECT_NOT_FOUND"},
		{"7 expired", request{headers: client("Project-Id", "nope", "Access-Token", r.token(old))}, 401, "ACCESS_TOKEN_EXPIRED"},
		{"7a other project", request{headers: client("Project-Id", "nope", "Access-Token", r.token(anonymous))}, 401, "INVALID_PROJECT_FOR_ACCESS_TOKEN"},
		{"7b anonymous", request{headers: client("Access-Token", r.token(anonymous), "Allow-Restricted-User", "true")}, 401, "ANONYMOUS_AUTHENTICATION_NOT_ALLOWED"},
		{"7b allow must be true", request{headers: client("Access-Token", r.token(anonymous), "Allow-Anonymous-User", "1")}, 401, "ANONYMOUS_AUTHENTICATION_NOT_ALLOWED"},
		{"7c restricted", request{headers: client("Access-Token", r.token(restricted))}, 403, "RESTRICTED_USER_NOT_ALLOWED"},
		{"8 unknown project before key", request{headers: server("Project-Id", "nope", "Secret-Server-Key", "x", "Branch-Id", "x")}, 400, "CURRENT_PROJECT_NOT_FOUND"},
		{"9 admin token before key", request{headers: server("Admin-Access-Token", badToken, "Secret-Server-Key", "x")}, 401, "UNPARSABLE_ADMIN_ACCESS_TOKEN"},
		{"9 expired admin token", request{headers: admin("Admin-Access-Token", r.token(admins, old))}, 401, "ADMIN_ACCESS_TOKEN_EXPIRED"},
		{"9 admin token of another project", request{headers: admin("Admin-Access-Token", r.token())}, 401, "ADMIN_ACCESS_TOKEN_IS_NOT_ADMIN"},
		{"9 anonymous admin token", request{headers: admin("Admin-Access-Token", r.token(anonymous))}, 401, "UNPARSABLE_ADMIN_ACCESS_TOKEN"},
		{"9 keys beside it are not checked", request{headers: admin("Admin-Access-Token", r.token(admins), "Super-Secret-Admin-Key", "x")}, 200, ""},
		{"9 for client access", request{headers: client("Project-Id", strictOne, "Admin-Access-Token", r.token(admins))}, 200, ""},
		{"10 server without key", request{headers: server("Secret-Server-Key", "", "Branch-Id", "x")}, 401, "SERVER_AUTHENTICATION_REQUIRED"},
		{"10 wrong server key", request{headers: server("Secret-Server-Key", clientKey, "Branch-Id", "x")}, 401, "INVALID_SECRET_SERVER_KEY"},
		{"10 expired server key", request{headers: server("Secret-Server-Key", "ssk_expired")}, 401, "INVALID_SECRET_SERVER_KEY"},
		{"10 admin without key", request{headers: admin("Super-Secret-Admin-Key", "")}, 401, "ADMIN_AUTHENTICATION_REQUIRED"},
		{"10 wrong admin key", request{headers: admin("Super-Secret-Admin-Key", serverKey)}, 401, "INVALID_SUPER_SECRET_ADMIN_KEY"},
		{"10 wrong client key though optional", request{headers: client("Publishable-Client-Key", "x")}, 401, "INVALID_PUBLISHABLE_CLIENT_KEY"},
		{"10 empty client key is absent", request{headers: client("Publishable-Client-Key", "")}, 200, ""},
		{"10 sentinel", request{headers: client("Publishable-Client-Key", "__stack_public_client__")}, 200, ""},
		{"10 other keys may be wrong", request{headers: client("Publishable-Client-Key", "pck_b", "Secret-Server-Key", "x")}, 200, ""},
		{"10 key required", request{headers: client("Project-Id", strictOne)}, 401, "PUBLISHABLE_CLIENT_KEY_REQUIRED_FOR_PROJECT"},
		{"10 sentinel where required", request{headers: client("Project-Id", strictOne, "Publishable-Client-Key", "__stack_public_client__")}, 401, "PUBLISHABLE_CLIENT_KEY_REQUIRED_FOR_PROJECT"},
		{"10 required key given", request{headers: client("Project-Id", strictOne, "Publishable-Client-Key", clientKey)}, 200, ""},
		{"10 unknown branch without key", request{headers: client("Branch-Id", "x")}, 401, "PUBLISHABLE_CLIENT_KEY_REQUIRED_FOR_PROJECT"},
		{"11 unknown branch", request{path: meInQuery, headers: server("Branch-Id", "x")}, 400, "BRANCH_DOES_NOT_EXIST"},
		{"11 empty branch is a name", request{headers: server("Branch-Id", "")}, 400, "BRANCH_DOES_NOT_EXIST"},
		{"11 main", request{headers: server("Branch-Id", "main")}, 200, ""},
		{"13 me without user", request{path: meInQuery + "&limit=x", headers: client()}, 400, "CANNOT_GET_OWN_USER_WITHOUT_USER"},
		{"13 wins over 14", request{path: meInQuery}, 400, "CANNOT_GET_OWN_USER_WITHOUT_USER"},
		{"13 not for the route me", request{path: "/api/v1/things/me", headers: map[string]string{"Access-Token": r.token()}}, 400, "ACCESS_TYPE_REQUIRED"},
		{"14 before 16", request{path: list + "?limit=x"}, 400, "ACCESS_TYPE_REQUIRED"},
		{"15 before 16", request{method: "DELETE", path: "/api/v1/things/7", headers: client()}, 401, "INSUFFICIENT_ACCESS_TYPE"},
		{"16", request{method: "DELETE", path: "/api/v1/things/7", headers: server()}, 400, "SCHEMA_ERROR"},
		{"16 user in schema", request{method: "POST", path: "/api/v1/things/touch", headers: client("Refresh-Token", "")}, 400, "SCHEMA_ERROR"},
		{"17 client", request{headers: client()}, 200, ""},
		{"17 server", request{headers: server()}, 200, ""},
		{"17 admin", request{headers: admin()}, 200, ""},
		{"public without project", request{method: "POST", path: "/api/v1/things/exchange", body: `{"grant_type":"x"}`}, 200, ""},
		{"public with bad project", request{method: "POST", path: "/api/v1/things/exchange", body: `{"grant_type":"x"}`, headers: client("Project-Id", "nope")}, 400, "CURRENT_PROJECT_NOT_FOUND"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := r.things.calls
			w := r.do(tt.request)
			if got := code(t, w); w.Code != tt.status || got != tt.code {
				t.Errorf("%d %s, want %d %s\n%s", w.Code, got, tt.status, tt.code, w.Body)
			}
			if called := r.things.calls > before; called != (tt.status == 200) {
				t.Errorf("service called: %v", called)
			}
		})
	}
}

func TestServe_adminToken_isDecidedByIdentity(t *testing.T) {
	r := newRig(t)
	for _, tt := range []struct {
		outcome identityv1.AuthorizeAdminResponse_Outcome
		status  int
		code    string
	}{
		{identityv1.AuthorizeAdminResponse_OUTCOME_ALLOWED, 200, ""},
		{identityv1.AuthorizeAdminResponse_OUTCOME_USER_GONE, 401, ""},
		{identityv1.AuthorizeAdminResponse_OUTCOME_NOT_ADMIN, 401, "ADMIN_ACCESS_TOKEN_IS_NOT_ADMIN"},
		{identityv1.AuthorizeAdminResponse_OUTCOME_UNSPECIFIED, 401, "ADMIN_ACCESS_TOKEN_IS_NOT_ADMIN"},
	} {
		r.identity.outcome = tt.outcome
		w := r.do(request{headers: admin("Admin-Access-Token", r.token(ofProject("internal")), "Super-Secret-Admin-Key", "")})
		if got := code(t, w); w.Code != tt.status || got != tt.code {
			t.Errorf("%v: %d %s, want %d %s", tt.outcome, w.Code, got, tt.status, tt.code)
		}
	}
}

func TestServe_principal_saysWhoCalls(t *testing.T) {
	r := newRig(t)
	base := principal.Principal{ProjectID: projectA, BranchID: "main", Access: principal.AccessClient, ConfigVersion: 7}
	user := func(p principal.Principal) principal.Principal { p.UserID, p.SessionID = userA, sessionA; return p }
	anon, limited, operator, served := user(base), user(base), base, user(base)
	anon.Anonymous, anon.Restricted, anon.RestrictedReason = true, true, "anonymous"
	limited.Restricted, limited.RestrictedReason = true, "email_not_verified"
	operator.Access, operator.AdminUserID = principal.AccessAdmin, userA
	served.Access = principal.AccessServer
	for _, tt := range []struct {
		name    string
		headers map[string]string
		want    principal.Principal
	}{
		{"client", client(), base},
		{"user", client("Access-Token", r.token()), user(base)},
		{"anonymous", client("Access-Token", r.token(anonymous), "Allow-Anonymous-User", "true"), anon},
		{"anonymous of old", client("Access-Token", r.token(anonymous, func(c jwt.MapClaims) {
			delete(c, "is_restricted")
			delete(c, "restricted_reason")
		}), "Allow-Anonymous-User", "true"), anon},
		{"restricted", client("Access-Token", r.token(restricted), "Allow-Restricted-User", "true"), limited},
		{"anonymous implies restricted", client("Access-Token", r.token(restricted), "Allow-Anonymous-User", "true"), limited},
		{"server with user", server("Access-Token", r.token()), served},
		{"operator is no user", admin("Admin-Access-Token", r.token(ofProject("internal"))), operator},
	} {
		if w := r.do(request{headers: tt.headers}); w.Code != 200 {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
			continue
		}
		if got := r.called(); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	if w := r.do(request{method: "POST", path: "/api/v1/things/exchange", body: `{"grant_type":"x"}`, headers: map[string]string{"Access-Token": r.token()}}); w.Code != 200 {
		t.Fatal(w.Body)
	}
	if got := r.called(); got != (principal.Principal{}) {
		t.Errorf("unauthenticated request: %+v", got)
	}
}

func TestRoot_greeting_saysWhoCalls(t *testing.T) {
	r := newRig(t)
	for _, tt := range []struct {
		headers map[string]string
		want    string
	}{
		{nil, "Authentication: None"},
		{client(), "Authentication: Client\n  Project: " + projectA + "\n  User: None"},
		{server("Access-Token", r.token()), "Authentication: Server\n  Project: " + projectA + "\n  User: a@example.com"},
		{admin("Access-Token", r.token(func(c jwt.MapClaims) { c["email"] = nil })), "Authentication: Admin\n  Project: " + projectA + "\n  User: " + userA},
	} {
		w := r.do(request{path: "/api/v1", headers: tt.headers})
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || !strings.HasSuffix(w.Body.String(), "\n\n"+tt.want) {
			t.Errorf("%d %s, want %s", w.Code, w.Body, tt.want)
		}
	}
	if w := r.do(request{path: "/api/v1?x=1"}); code(t, w) != "SCHEMA_ERROR" {
		t.Errorf("a parameter was accepted: %s", w.Body)
	}
	if w := r.do(request{path: "/api/v1", headers: server("Secret-Server-Key", "x")}); code(t, w) != "INVALID_SECRET_SERVER_KEY" {
		t.Errorf("a wrong key was not noticed: %s", w.Body)
	}
}
