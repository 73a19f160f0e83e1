package docs

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"vestibule.dev/gateway/internal/routes"
	"vestibule.dev/gateway/internal/transcode"
)

// contractFile is the published description of the client API.
const contractFile = "../../../test/conformance/testdata/client-openapi.json"

// noConnection stands in for the services, which the description never calls.
type noConnection struct{}

var errNoConnection = errors.New("no connection")

func (noConnection) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	return errNoConnection
}

func (noConnection) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errNoConnection
}

// served returns the routes of the whole system.
func served(t testing.TB) []*routes.Route {
	t.Helper()
	connections := map[string]grpc.ClientConnInterface{}
	for _, s := range routes.Services() {
		connections[s.Context()] = noConnection{}
	}
	p, err := routes.New(t.Context(), routes.Config{
		Services: routes.Services(), Connections: connections, Bodies: transcode.NewBodyReader(1 << 20),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p.Table().Routes()
}

// described is the description of the whole system, as readers see it.
func described(t testing.TB) apiDocument {
	t.Helper()
	made, err := build(served(t), "https://api.example.com", "test")
	if err != nil {
		t.Fatal(err)
	}
	text, err := encode(made)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

func contract(t testing.TB) apiDocument {
	t.Helper()
	text, err := os.ReadFile(contractFile)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

// node is any JSON object.
type node map[string]any

func (n node) child(name string) node {
	m, _ := n[name].(map[string]any)
	return m
}

// apiDocument is an OpenAPI document.
type apiDocument struct{ root node }

func parse(t testing.TB, text []byte) apiDocument {
	t.Helper()
	var root node
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	return apiDocument{root}
}

// operations maps "GET /users/me" to the operation.
func (d apiDocument) operations() map[string]node {
	found := map[string]node{}
	for path, item := range d.root.child("paths") {
		for method, op := range item.(map[string]any) {
			found[strings.ToUpper(method)+" "+path] = op.(map[string]any)
		}
	}
	return found
}

// resolve follows a reference and steps over "or null".
func (d apiDocument) resolve(n node) node {
	for {
		if ref, ok := n["$ref"].(string); ok {
			n = d.root
			for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
				n = n.child(part)
			}
			continue
		}
		alternatives, ok := n["anyOf"].([]any)
		if !ok {
			return n
		}
		n = node(alternatives[0].(map[string]any))
	}
}

// property is one property, wherever it is in a schema.
type property struct {
	types    []string
	enum     []string
	required bool
	// marked properties are beyond the published contract and say so.
	marked bool
}

// properties flattens a schema: "items[].id" is the id of the items.
func (d apiDocument) properties(schema node) map[string]property {
	found := map[string]property{}
	var visit func(prefix string, n node, marked bool)
	visit = func(prefix string, n node, marked bool) {
		n = d.resolve(n)
		if items := n.child("items"); items != nil {
			visit(prefix+"[]", items, marked)
		}
		required, _ := n["required"].([]any)
		for name, value := range n.child("properties") {
			at := prefix + "." + name
			own := node(value.(map[string]any))
			p := property{marked: marked || own["x-server-only"] == true || own["x-hidden"] == true}
			p.required = slices.Contains(required, any(name))
			p.types, p.enum = kinds(d.resolve(own)), texts(d.resolve(own)["enum"])
			found[strings.TrimPrefix(at, ".")] = p
			visit(at, own, p.marked)
		}
	}
	visit("", schema, false)
	return found
}

func kinds(n node) []string {
	switch t := n["type"].(type) {
	case string:
		return []string{strings.Replace(t, "integer", "number", 1)}
	case []any:
		return slices.DeleteFunc(texts(t), func(s string) bool { return s == "null" })
	}
	return nil
}

func texts(list any) []string {
	var found []string
	values, _ := list.([]any)
	for _, v := range values {
		if s, ok := v.(string); ok {
			found = append(found, strings.Replace(s, "integer", "number", 1))
		}
	}
	slices.Sort(found)
	return found
}

// parameters maps "query user_id" to the parameter. Headers are named without
// their prefix.
func (d apiDocument) parameters(op node) map[string]property {
	found := map[string]property{}
	list, _ := op["parameters"].([]any)
	for _, value := range list {
		n := node(value.(map[string]any))
		name, in := n["name"].(string), n["in"].(string)
		if in == "header" {
			name = headerName.ReplaceAllString(strings.ToLower(name), "")
		}
		found[in+" "+name] = property{
			types: kinds(n.child("schema")), required: n["required"] == true,
			marked: n["x-server-only"] == true || n["x-hidden"] == true,
		}
	}
	return found
}

var headerName = regexp.MustCompile(`^x-(hexclave|stack)-`)

// credentials are the headers that the security of an operation names.
func (d apiDocument) credentials(op node) []string {
	var found []string
	list, _ := op["security"].([]any)
	for _, combination := range list {
		for name := range combination.(map[string]any) {
			header := d.root.child("components").child("securitySchemes").child(name)["name"].(string)
			found = append(found, headerName.ReplaceAllString(strings.ToLower(header), ""))
		}
	}
	return found
}

// body is the schema of a JSON body, in a request or a response.
func body(n node) node { return n.child("content").child("application/json").child("schema") }

// difference is something in which the description says more or other than the
// published document, and why.
type difference struct{ operation, property, why string }

var differences = []difference{
	{"GET /", "header refresh-token", "the operation never reads it"},
	{"GET /auth/sessions", "response pagination", "the list has one page; then the property is left out"},
	{"GET /auth/sessions", "response pagination.next_cursor", "see pagination"},
	{"GET /contact-channels", "response pagination", "the list has one page; then the property is left out"},
	{"GET /contact-channels", "response pagination.next_cursor", "see pagination"},
	{"GET /emails/notification-preference/{user_id}", "response pagination", "the list has one page; then the property is left out"},
	{"GET /emails/notification-preference/{user_id}", "response pagination.next_cursor", "see pagination"},
	{"GET /user-api-keys", "query user_id", "the list has an owner for every access type"},
	{"GET /user-api-keys", "response pagination", "the list has one page; then the property is left out"},
	{"GET /user-api-keys", "response pagination.next_cursor", "see pagination"},
	{"GET /team-api-keys", "response pagination", "the list has one page; then the property is left out"},
	{"GET /team-api-keys", "response pagination.next_cursor", "see pagination"},
	{"GET /user-api-keys/{api_key_id}", "query user_id", "sent by SDKs and ignored"},
	{"PATCH /user-api-keys/{api_key_id}", "query user_id", "sent by SDKs and ignored"},
	{"GET /team-api-keys/{api_key_id}", "query team_id", "sent by SDKs and ignored"},
	{"PATCH /team-api-keys/{api_key_id}", "query team_id", "sent by SDKs and ignored"},
	{"POST /auth/cli/complete", "response success", "two of the three modes answer otherwise"},
	{"GET /emails/notification-preference/{user_id}", "response pagination", "the list has one page; then the property is left out"},
	{"GET /emails/notification-preference/{user_id}", "response pagination.next_cursor", "see pagination"},
	{"GET /project-permissions", "response pagination", "the list has one page; then the property is left out"},
	{"GET /project-permissions", "response pagination.next_cursor", "see pagination"},
	{"GET /team-invitations", "response pagination", "the list has one page; then the property is left out"},
	{"GET /team-invitations", "response pagination.next_cursor", "see pagination"},
	{"GET /team-member-profiles", "response pagination", "the list has one page; then the property is left out"},
	{"GET /team-member-profiles", "response pagination.next_cursor", "see pagination"},
	{"GET /team-permissions", "response pagination", "the list has one page; then the property is left out"},
	{"GET /team-permissions", "response pagination.next_cursor", "see pagination"},
	{"GET /teams", "query add_current_user", "all operations of the resource share one query schema"},
	{"POST /teams", "query cursor", "all operations of the resource share one query schema"},
	{"POST /teams", "query desc", "all operations of the resource share one query schema"},
	{"POST /teams", "query limit", "all operations of the resource share one query schema"},
	{"POST /teams", "query order_by", "all operations of the resource share one query schema"},
	{"POST /teams", "query query", "all operations of the resource share one query schema"},
	{"POST /teams", "query user_id", "all operations of the resource share one query schema"},
	{"GET /teams/{team_id}", "query add_current_user", "all operations of the resource share one query schema"},
	{"GET /teams/{team_id}", "query cursor", "all operations of the resource share one query schema"},
	{"GET /teams/{team_id}", "query desc", "all operations of the resource share one query schema"},
	{"GET /teams/{team_id}", "query limit", "all operations of the resource share one query schema"},
	{"GET /teams/{team_id}", "query order_by", "all operations of the resource share one query schema"},
	{"GET /teams/{team_id}", "query query", "all operations of the resource share one query schema"},
	{"GET /teams/{team_id}", "query user_id", "all operations of the resource share one query schema"},
	{"PATCH /teams/{team_id}", "query add_current_user", "all operations of the resource share one query schema"},
	{"PATCH /teams/{team_id}", "query cursor", "all operations of the resource share one query schema"},
	{"PATCH /teams/{team_id}", "query desc", "all operations of the resource share one query schema"},
	{"PATCH /teams/{team_id}", "query limit", "all operations of the resource share one query schema"},
	{"PATCH /teams/{team_id}", "query order_by", "all operations of the resource share one query schema"},
	{"PATCH /teams/{team_id}", "query query", "all operations of the resource share one query schema"},
	{"PATCH /teams/{team_id}", "query user_id", "all operations of the resource share one query schema"},
	{"DELETE /teams/{team_id}", "query add_current_user", "all operations of the resource share one query schema"},
	{"DELETE /teams/{team_id}", "query cursor", "all operations of the resource share one query schema"},
	{"DELETE /teams/{team_id}", "query desc", "all operations of the resource share one query schema"},
	{"DELETE /teams/{team_id}", "query limit", "all operations of the resource share one query schema"},
	{"DELETE /teams/{team_id}", "query order_by", "all operations of the resource share one query schema"},
	{"DELETE /teams/{team_id}", "query query", "all operations of the resource share one query schema"},
	{"DELETE /teams/{team_id}", "query user_id", "all operations of the resource share one query schema"},
	{"DELETE /team-invitations/{id}", "query user_id", "all operations of the resource share one query schema"},
	{"DELETE /auth/sessions/{id}", "query user_id", "required for clients, optional for servers"},
	{"GET /oauth-providers", "response pagination", "the list has one page; then the property is left out"},
	{"GET /oauth-providers", "response pagination.next_cursor", "see pagination"},
	{"GET /connected-accounts/{user_id}", "response pagination", "the list has one page; then the property is left out"},
	{"GET /connected-accounts/{user_id}", "response pagination.next_cursor", "see pagination"},
	{"POST /auth/oauth/cross-domain/authorize", "header refresh-token", "missing it has an answer of its own"},
	{"POST /auth/oauth/cross-domain/authorize", "header publishable-client-key", "read beside the security schemes"},
	{"POST /auth/oauth/token", "request code", "RFC 6749; the contract tolerates unknown keys"},
	{"POST /auth/oauth/token", "request redirect_uri", "RFC 6749; the contract tolerates unknown keys"},
	{"POST /auth/oauth/token", "request code_verifier", "RFC 7636; the contract tolerates unknown keys"},
	{"POST /auth/oauth/token", "request refresh_token", "needed by the grant of that name; the contract tolerates unknown keys"},
	{"POST /auth/oauth/token", "response access_token", "RFC 6749; the contract leaves the response open"},
	{"POST /auth/oauth/token", "response token_type", "RFC 6749; the contract leaves the response open"},
	{"POST /auth/oauth/token", "response expires_in", "RFC 6749; the contract leaves the response open"},
	{"POST /auth/oauth/token", "response refresh_token", "RFC 6749; the contract leaves the response open"},
	{"POST /auth/oauth/token", "response is_new_user", "the contract leaves the response open"},
	{"POST /auth/oauth/token", "response newUser", "the contract leaves the response open"},
	{"POST /auth/oauth/token", "response scope", "RFC 6749; the contract leaves the response open"},
	{"POST /auth/oauth/token", "response after_callback_redirect_url", "the contract leaves the response open"},
	{"POST /auth/oauth/token", "response afterCallbackRedirectUrl", "the contract leaves the response open"},
}

// comparison holds two descriptions against each other.
type comparison struct {
	ours, theirs apiDocument
	// met are the differences that exist.
	met map[difference]bool
}

// report fails the test unless the difference is a known one.
func (c *comparison) report(t *testing.T, operation, property, format string, args ...any) {
	t.Helper()
	for _, d := range differences {
		if d.operation == operation && d.property == property {
			c.met[d] = true
			return
		}
	}
	t.Errorf("%s "+format, append([]any{property}, args...)...)
}

func TestDocument_contract_sameOperationsAndProperties(t *testing.T) {
	c := &comparison{ours: described(t), theirs: contract(t), met: map[difference]bool{}}
	mine, published := c.ours.operations(), c.theirs.operations()
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(published)) {
		got, ok := mine[name]
		if !ok {
			missing = append(missing, name)
			continue
		}
		t.Run(name, func(t *testing.T) { c.operation(t, name, got, published[name]) })
	}
	for _, d := range differences {
		if !c.met[d] {
			t.Errorf("%s: %s is no difference any more", d.operation, d.property)
		}
	}
	if len(missing) > 0 {
		t.Logf("%d operations of the contract are not served yet: %s", len(missing), strings.Join(missing, ", "))
	}
}

func (c *comparison) operation(t *testing.T, name string, got, want node) {
	c.parameters(t, name, got, want)
	c.properties(t, name, "request ", c.ours.properties(body(got.child("requestBody"))), c.theirs.properties(body(want.child("requestBody"))))
	for status := range want.child("responses") {
		mine, published := got.child("responses").child(status), want.child("responses").child(status)
		if mine == nil {
			t.Errorf("status %s is not described", status)
			continue
		}
		if a, b := contentTypes(mine), contentTypes(published); !slices.Equal(a, b) {
			t.Errorf("status %s answers with %v, the contract says %v", status, a, b)
		}
		c.properties(t, name, "response ", c.ours.properties(body(mine)), c.theirs.properties(body(published)))
	}
	for status := range got.child("responses") {
		if strings.HasPrefix(status, "2") && want.child("responses")[status] == nil {
			t.Errorf("status %s is not in the contract", status)
		}
	}
}

func contentTypes(n node) []string { return slices.Sorted(maps.Keys(n.child("content"))) }

func (c *comparison) parameters(t *testing.T, name string, got, want node) {
	mine, published := c.ours.parameters(got), c.theirs.parameters(want)
	credentials := c.ours.credentials(got)
	for parameter, p := range published {
		if header, ok := strings.CutPrefix(parameter, "header "); ok && slices.Contains(credentials, header) {
			delete(published, parameter) // a security scheme here
		}
		// Parameters of the path are always required, whatever the contract says.
		if strings.HasPrefix(parameter, "path ") {
			p.required = true
			published[parameter] = p
		}
	}
	c.properties(t, name, "", mine, published)
}

func (c *comparison) properties(t *testing.T, operation, place string, got, want map[string]property) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		g, ok := got[name]
		w := want[name]
		at := place + name
		switch {
		case !ok:
			c.report(t, operation, at, "is missing")
			continue
		case g.marked:
			c.report(t, operation, at, "is marked as beyond the contract")
		case w.required && !g.required:
			c.report(t, operation, at, "is required by the contract")
		case g.required && !w.required && place != "response ":
			c.report(t, operation, at, "is optional in the contract")
		}
		if len(g.types) > 0 && len(w.types) > 0 && !slices.Equal(g.types, w.types) {
			c.report(t, operation, at, "is %v, the contract says %v", g.types, w.types)
		}
		if len(w.enum) > 0 && len(g.enum) > 0 && !slices.Equal(g.enum, w.enum) {
			c.report(t, operation, at, "is one of %v, the contract says %v", g.enum, w.enum)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok && !got[name].marked {
			c.report(t, operation, place+name, "is not in the contract")
		}
	}
}
