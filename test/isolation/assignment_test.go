package isolation

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	policyv1 "vestibule.dev/proto/policy/v1"
	"vestibule.dev/test/client"
	"vestibule.dev/test/database"
	"vestibule.dev/test/routes"
)

// values are JSON values that a server may give to server-only fields, with
// what else must be in the same body.
var values = map[string]map[string]any{
	"client_read_only_metadata":           {"client_read_only_metadata": map[string]any{"plan": "gold"}},
	"server_metadata":                     {"server_metadata": map[string]any{"plan": "gold"}},
	"primary_email_verified":              {"primary_email_verified": true},
	"primary_email_auth_enabled":          {"primary_email_auth_enabled": true},
	"password":                            {"password": "chosen by the server"},
	"password_hash":                       {"password_hash": "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"},
	"is_anonymous":                        {"is_anonymous": false},
	"restricted_by_admin":                 {"restricted_by_admin": true},
	"restricted_by_admin_reason":          {"restricted_by_admin": true, "restricted_by_admin_reason": "seen"},
	"restricted_by_admin_private_details": {"restricted_by_admin": true, "restricted_by_admin_private_details": "hidden"},
	"country_code":                        {"country_code": "CH"},
	"risk_scores":                         {"risk_scores": map[string]any{"sign_up": map[string]any{"bot": 1, "free_trial_abuse": 2}}},
}

// channelValues are such values of addresses, linkValues of linked accounts.
var (
	channelValues = map[string]map[string]any{
		"is_verified": {"is_verified": true},
	}
	linkValues = map[string]map[string]any{
		"account_id": {"account_id": "another"},
		"email":      {"email": "another@example.com"},
	}
)

// changes are the routes that a client may write with.
func changes() []routes.Route {
	var found []routes.Route
	for _, r := range routes.All() {
		if r.Method != http.MethodGet && acceptsClient(r) {
			found = append(found, r)
		}
	}
	return found
}

func acceptsClient(r routes.Route) bool {
	for _, access := range r.Policy.GetAccess() {
		if access == policyv1.Access_ACCESS_CLIENT {
			return true
		}
	}
	return false
}

// A client cannot set what only servers may, in whichever way it says so.
func TestServerOnlyFields_fromClients_areRefused(t *testing.T) {
	tenant := tenants[0]
	victim := signUp(t, tenant)
	me := tenant.caller(client.Public).SignedIn(victim.Tokens)
	fields := 0
	for _, route := range changes() {
		own := ownReferences(t, route, victim)
		for _, field := range route.Fields {
			if field.Place != routes.InBody || !field.Policy.GetServerOnly() {
				continue
			}
			fields++
			var body map[string]any
			for _, known := range []map[string]map[string]any{values, channelValues, linkValues} {
				if given, ok := known[field.Name]; ok {
					body = given
				}
			}
			if body == nil {
				t.Fatalf("%s has a server-only field %s: give a value of it", route, field.Name)
			}
			plain := build(t, route, own)
			refused := map[string]request{
				"body": plain.withBody(body),
			}
			for _, query := range queries(route, field.Name) {
				refused["query "+query] = plain.withQuery(query)
			}
			for name, request := range refused {
				t.Run(fmt.Sprintf("%s/%s/%s", route, field.Name, name), func(t *testing.T) {
					refuse(t, request, me)
				})
			}
		}
	}
	if fields == 0 {
		t.Fatal("no route has a server-only field: the generator is broken")
	}

	// The same requests are good ones from a server: otherwise the refusals
	// would prove nothing.
	server := tenant.caller(client.Server).SignedIn(victim.Tokens)
	for path, known := range map[string]map[string]map[string]any{
		"/users/me": values,
		"/contact-channels/me/" + victim.things[aChannel]: channelValues,
		"/oauth-providers/me/" + victim.things[aLink]:     linkValues,
	} {
		for name, body := range known {
			if got := call(t, server, http.MethodPatch, path, body); got.Status != http.StatusOK {
				t.Errorf("a server may not set %s: %s", name, got)
			}
		}
	}
}

// Fields that travel in the body, and masks, are not taken from the query.
func TestBodyFields_inQuery_areRefused(t *testing.T) {
	tenant := tenants[0]
	victim := signUp(t, tenant)
	me := tenant.caller(client.Public).SignedIn(victim.Tokens)
	for _, route := range changes() {
		if route.Policy.GetTolerateUnknown() {
			continue
		}
		plain := build(t, route, ownReferences(t, route, victim))
		for _, query := range append(queries(route, ""), "update_mask=display_name", "updateMask=displayName", "user_id[]=me", "principal=x", "project_id=x", "_method=DELETE") {
			t.Run(fmt.Sprintf("%s/%s", route, query), func(t *testing.T) { refuse(t, plain.withQuery(query), me) })
		}
	}
}

// queries are the ways in which a query could name a body field of a route, or
// all its body fields if none is given.
func queries(route routes.Route, name string) []string {
	var found []string
	input := route.Descriptor.Input().Fields()
	for _, field := range route.Fields {
		if field.Place != routes.InBody || name != "" && field.Name != name {
			continue
		}
		// A query key that all operations of a resource share says nothing.
		if !slices.Contains(route.Policy.GetIgnoredQuery(), field.Name) {
			found = append(found, field.Name+"=x")
		}
		found = append(found, field.Name+".a=x", field.Name+"[a]=x")
		for i := range input.Len() {
			if message := input.Get(i); message.Message() != nil && message.Message() == field.Descriptor.Parent() {
				found = append(found, fmt.Sprintf("%s.%s=x", message.Name(), field.Name))
			}
		}
		if name != "" {
			found = append(found, "update_mask="+name, "update_mask.paths="+name, "updateMask="+url.QueryEscape(field.Descriptor.JSONName()))
		}
	}
	return found
}

func refuse(t *testing.T, r request, caller *client.Client) {
	t.Helper()
	before := content(t)
	if got := r.send(t, caller); got.Code() != "SCHEMA_ERROR" {
		t.Errorf("answered with %s, want SCHEMA_ERROR", got)
	}
	if changed := database.Changed(before, content(t)); len(changed) > 0 {
		t.Errorf("%v changed", changed)
	}
}

// Clients are not told what only servers may know.
func TestServerOnlyFields_toClients_areLeftOut(t *testing.T) {
	tenant := tenants[0]
	public := tenant.caller(client.Public).SignedIn(tenant.own.Tokens)
	server := tenant.caller(client.Server).SignedIn(tenant.own.Tokens)
	shown := 0
	for _, route := range routes.All() {
		if route.Method != http.MethodGet || !acceptsClient(route) {
			continue
		}
		request := build(t, route, ownReferences(t, route, tenant.own))
		hidden := serverOnly(route.Descriptor.Output(), nil)
		for name := range fieldsOf(request.send(t, public).Object()) {
			if hidden[name] {
				t.Errorf("%s tells clients %s", route, name)
			}
		}
		for name := range fieldsOf(request.send(t, server).Object()) {
			if hidden[name] {
				shown++
			}
		}
	}
	if shown == 0 {
		t.Error("servers are not told either: the comparison is broken")
	}
}

// serverOnly names the server-only fields of a message and the ones below it.
func serverOnly(message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) map[string]bool {
	if seen == nil {
		seen = map[protoreflect.FullName]bool{}
	}
	found := map[string]bool{}
	if seen[message.FullName()] || strings.HasPrefix(string(message.FullName()), "google.protobuf.") {
		return found
	}
	seen[message.FullName()] = true
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if routes.FieldPolicy(field).GetServerOnly() {
			found[string(field.Name())] = true
		} else if field.Message() != nil {
			maps.Copy(found, serverOnly(field.Message(), seen))
		}
	}
	return found
}

// fieldsOf names all keys of a JSON object and of the objects in it, free-form
// metadata left out.
func fieldsOf(value any) map[string]bool {
	found := map[string]bool{}
	switch value := value.(type) {
	case map[string]any:
		for name, below := range value {
			found[name] = true
			if !strings.HasSuffix(name, "_metadata") {
				maps.Copy(found, fieldsOf(below))
			}
		}
	case []any:
		for _, item := range value {
			maps.Copy(found, fieldsOf(item))
		}
	}
	return found
}

func ownReferences(t *testing.T, route routes.Route, p person) map[string]string {
	t.Helper()
	own := map[string]string{}
	for name, k := range references(t, route) {
		own[name] = p.things[k]
	}
	return own
}

// signUp makes a person for tests that change people.
func signUp(t *testing.T, tenant *tenant) person {
	t.Helper()
	p, err := tenant.signUp(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.things[aKeySet] = tenant.own.things[aKeySet]
	settle(t)
	return p
}

func (r request) withBody(fields map[string]any) request {
	body := map[string]any{}
	if own, ok := r.body.(map[string]any); ok {
		maps.Copy(body, own)
	}
	maps.Copy(body, fields)
	r.body = body
	return r
}

func (r request) withQuery(query string) request {
	separator := "?"
	if strings.Contains(r.path, "?") {
		separator = "&"
	}
	r.path += separator + query
	return r
}
