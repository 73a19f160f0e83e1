package docs

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"

	testv1 "vestibule.dev/gateway/internal/gatewaytest/v1"
	"vestibule.dev/gateway/internal/routes"
	"vestibule.dev/gateway/internal/transcode"
	policyv1 "vestibule.dev/proto/policy/v1"
)

func TestDocument_everyRoute_isDescribed(t *testing.T) {
	operations := described(t).operations()
	for _, r := range served(t) {
		if local[r.Method+" "+r.Pattern].undocumented {
			continue
		}
		path := strings.TrimPrefix(r.Pattern, base)
		if path == "" {
			path = "/"
		}
		if operations[r.Method+" "+path] == nil {
			t.Errorf("%s %s is missing", r.Method, r.Pattern)
		}
	}
}

func TestDocument_everyOperation_hasTextsAndErrors(t *testing.T) {
	d := described(t)
	seen := map[string]bool{}
	for name, op := range d.operations() {
		id, _ := op["operationId"].(string)
		if id == "" || seen[id] {
			t.Errorf("%s has the id %q", name, id)
		}
		seen[id] = true
		if summary, _ := op["summary"].(string); summary == "" || strings.HasSuffix(summary, ".") {
			t.Errorf("%s has the summary %q", name, summary)
		}
		codes, _ := op["x-known-errors"].([]any)
		for _, value := range codes {
			known := node(value.(map[string]any))
			if text, _ := json.Marshal(op.child("responses")); !strings.Contains(string(text), known["code"].(string)) {
				t.Errorf("%s: no response tells of %v", name, known)
			}
			if d.root.child("components").child("examples").child(known["code"].(string)) == nil {
				t.Errorf("there is no example of %v", known)
			}
		}
	}
}

func TestDocument_references_resolve(t *testing.T) {
	d := described(t)
	var visit func(value any)
	visit = func(value any) {
		switch v := value.(type) {
		case []any:
			for _, item := range v {
				visit(item)
			}
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok && len(d.resolve(node{"$ref": ref})) == 0 {
				t.Errorf("%s leads nowhere", ref)
			}
			for _, item := range v {
				visit(item)
			}
		}
	}
	visit(map[string]any(d.root))
}

func TestDocument_texts_standAlone(t *testing.T) {
	text, err := json.Marshal(described(t).root)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"§", ".md", "buf:lint"} {
		if strings.Contains(string(text), word) {
			t.Errorf("the description holds %q", word)
		}
	}
}

func TestBuild_unknownError_fails(t *testing.T) {
	list := served(t)
	for _, r := range list {
		if r.RPC != "" {
			changed := *r
			changed.Policy = &policyv1.Method{Errors: []string{"NO_SUCH_ERROR"}}
			list = []*routes.Route{&changed}
			break
		}
	}
	if _, err := build(list, "", "test"); err == nil {
		t.Error("an operation with an unknown error was described")
	}
}

func TestBuild_undescribedLocalRoute_fails(t *testing.T) {
	r := &routes.Route{Method: http.MethodGet, Pattern: "/api/v1/surprise", Policy: &policyv1.Method{Public: true}}
	if _, err := build([]*routes.Route{r}, "", "test"); err == nil {
		t.Error("an operation without description was passed over")
	}
}

// things describes the made-up service that uses everything the contract may.
func things(t *testing.T) apiDocument {
	t.Helper()
	service := routes.NewService(testv1.ThingService_ServiceDesc, testv1.NewThingServiceClient, testv1.RegisterThingServiceHandlerClient)
	p, err := routes.New(t.Context(), routes.Config{
		Services:    []routes.Service{service},
		Connections: map[string]grpc.ClientConnInterface{"gatewaytest": noConnection{}},
		Bodies:      transcode.NewBodyReader(1 << 20),
	})
	if err != nil {
		t.Fatal(err)
	}
	made, err := build(p.Table().Routes(), "", "test")
	if err != nil {
		t.Fatal(err)
	}
	text, err := encode(made)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

func TestSchema_presence_followsConventions(t *testing.T) {
	d := things(t)
	create := body(d.operations()["POST /things"].child("requestBody"))
	thing := d.resolve(body(d.operations()["GET /things/me"].child("responses").child("200")))
	for _, tt := range []struct {
		name   string
		schema node
		want   string
	}{
		{"request scalar", create.child("properties").child("name"), `{"maxLength":10,"type":"string"}`},
		{"request wrapper", create.child("properties").child("nickname"), `{"minLength":2,"type":["string","null"]}`},
		{"request free-form", create.child("properties").child("metadata"), `{}`},
		{"request map", create.child("properties").child("scores"), `{"additionalProperties":{"type":"integer"},"type":"object"}`},
		{"response scalar", thing.child("properties").child("id"), `{"type":"string"}`},
		{"response wrapper", thing.child("properties").child("done"), `{"type":["boolean","null"]}`},
		{"response time", thing.child("properties").child("created_at_millis"), `{"examples":[1630000000000],"type":"number"}`},
	} {
		if got, _ := json.Marshal(tt.schema); string(got) != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if got := texts(create["required"]); !slices.Equal(got, []string{"name"}) {
		t.Errorf("a request must hold %v", got)
	}
	if got := texts(thing["required"]); !slices.Equal(got, slices.Sorted(maps.Keys(thing.child("properties")))) {
		t.Errorf("a response always holds %v", got)
	}
	if create["additionalProperties"] != false {
		t.Error("unknown properties are not refused")
	}
	exchange := body(d.operations()["POST /things/exchange"].child("requestBody"))
	if _, refused := exchange["additionalProperties"]; refused {
		t.Error("unknown properties are refused where they are ignored")
	}
}

func TestParameters_policies_areVisible(t *testing.T) {
	d := things(t)
	found := map[string]node{}
	list, _ := d.operations()["GET /things"]["parameters"].([]any)
	for _, value := range list {
		n := node(value.(map[string]any))
		found[n["name"].(string)] = n
	}
	for name, mark := range map[string]string{"user_id": "x-user-id-or-me", "secret_filter": "x-server-only", "thing_id": "x-ignored"} {
		if found[name][mark] != true {
			t.Errorf("%s is not marked %s: %v", name, mark, found[name])
		}
	}
	remove := d.operations()["DELETE /things/{thing_id}"]
	if got := texts(remove["x-access"]); !slices.Equal(got, []string{"admin", "server"}) {
		t.Errorf("DELETE accepts %v", got)
	}
	if d.operations()["POST /things"].child("responses")["201"] == nil {
		t.Error("the status of a success is not described")
	}
}

func TestTagName_services_readWell(t *testing.T) {
	tags, _ := described(t).root["tags"].([]any)
	var names []string
	for _, value := range tags {
		names = append(names, value.(map[string]any)["name"].(string))
	}
	for _, want := range []string{"API key set", "Contact channel", "User", "Server"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no tag %q among %q", want, names)
		}
	}
}

func TestComment_markdown(t *testing.T) {
	for in, want := range map[string]string{
		" One\n two (auth.md §6.1–§6.4).\n":              "One two.",
		" Title\n\n Text (protocol §3, §4) goes\n on.\n": "Title\n\nText goes on.",
		" buf:lint:ignore FIELD_LOWER_SNAKE_CASE\n":      "",
		" Kept (because it names nothing).\n":            "Kept (because it names nothing).",
	} {
		if got := Comment(in); got != want {
			t.Errorf("Comment(%q) = %q, want %q", in, got, want)
		}
	}
}
