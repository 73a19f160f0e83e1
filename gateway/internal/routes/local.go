package routes

import (
	"io"
	"net/http"
	"strings"

	"vestibule.dev/gateway/internal/authn"
	"vestibule.dev/gateway/internal/transcode"
	"vestibule.dev/pkg/principal"
	policyv1 "vestibule.dev/proto/policy/v1"
)

// localHandler answers an operation that has no service behind it.
type localHandler func(w http.ResponseWriter, r *http.Request, id authn.Identity)

// localRoutes lists the operations the gateway answers itself. A public one
// without access types skips authentication altogether.
func localRoutes() []*Route {
	open := &policyv1.Method{Public: true, Rate: policyv1.Rate_RATE_DEFAULT}
	anyone := &policyv1.Method{
		Public: true,
		Rate:   policyv1.Rate_RATE_DEFAULT,
		Access: []policyv1.Access{policyv1.Access_ACCESS_CLIENT, policyv1.Access_ACCESS_SERVER, policyv1.Access_ACCESS_ADMIN},
	}
	const anonymous, restricted = "/api/v1/projects-anonymous-users", "/api/v1/projects-restricted-users"
	return []*Route{
		{Method: http.MethodGet, Pattern: "/health", Policy: open, local: health},
		{Method: http.MethodGet, Pattern: "/api/v1", Policy: anyone, Schema: transcode.EmptySchema(), local: greet},
		{Method: http.MethodPost, Pattern: "/api/v1/check-version", Policy: open, local: checkVersion},
		{Method: http.MethodPost, Pattern: "/api/v1/check-feature-support", Policy: open, local: checkFeatureSupport},
		{Method: http.MethodGet, Pattern: anonymous + "/{project_id}/.well-known/{rest=**}", Policy: open,
			local: keySetAlias(anonymous, "include_anonymous")},
		{Method: http.MethodGet, Pattern: restricted + "/{project_id}/.well-known/{rest=**}", Policy: open,
			local: keySetAlias(restricted, "include_restricted")},
	}
}

func health(w http.ResponseWriter, _ *http.Request, _ authn.Identity) {
	text(w, "ok")
}

// greet is the root of the API (protocol §13), which SDKs also use to probe
// their keys.
func greet(w http.ResponseWriter, _ *http.Request, id authn.Identity) {
	var b strings.Builder
	b.WriteString("Welcome to the vestibule API! Its documentation is at /docs.\n\nAuthentication: ")
	switch id.Access {
	case principal.AccessNone:
		b.WriteString("None")
	case principal.AccessClient:
		b.WriteString("Client")
	case principal.AccessServer:
		b.WriteString("Server")
	case principal.AccessAdmin:
		b.WriteString("Admin")
	}
	if id.Access != principal.AccessNone {
		user := id.Email
		if user == "" {
			user = id.UserID
		}
		if user == "" {
			user = "None"
		}
		b.WriteString("\n  Project: " + id.ProjectID + "\n  User: " + user)
	}
	text(w, b.String())
}

func checkVersion(w http.ResponseWriter, _ *http.Request, _ authn.Identity) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = io.WriteString(w, `{"upToDate":true}`)
}

func checkFeatureSupport(w http.ResponseWriter, _ *http.Request, _ authn.Identity) {
	text(w, "This feature is not supported by this server.")
}

// keySetAlias leads from the issuer of anonymous or restricted users' tokens
// to the keys that verify them (auth.md §2.4).
func keySetAlias(prefix, parameter string) localHandler {
	return func(w http.ResponseWriter, r *http.Request, _ authn.Identity) {
		query := r.URL.Query()
		query.Set(parameter, "true")
		rest := strings.TrimPrefix(r.URL.EscapedPath(), prefix)
		w.Header().Set("Location", "/api/v1/projects"+rest+"?"+query.Encode())
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

func text(w http.ResponseWriter, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, s)
}
