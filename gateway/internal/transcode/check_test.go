package transcode

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	testv1 "vestibule.dev/gateway/internal/gatewaytest/v1"
	"vestibule.dev/pkg/apierr"
	paymentsv1 "vestibule.dev/proto/payments/v1"
	policyv1 "vestibule.dev/proto/policy/v1"
)

const (
	someUser  = "3241a285-8329-4d69-8f3d-316e08cf140c"
	someThing = "9f1b2d3c-4e5f-4a6b-8c7d-0123456789ab"
)

// schemaOf compiles the schema of a method of the test service.
func schemaOf(t testing.TB, method protoreflect.Name, params ...string) *Schema {
	t.Helper()
	md := testv1.File_gatewaytest_v1_thing_proto.Services().ByName("ThingService").Methods().ByName(method)
	s, err := Compile(md, proto.GetExtension(md.Options(), annotations.E_Http).(*annotations.HttpRule),
		proto.GetExtension(md.Options(), policyv1.E_Method).(*policyv1.Method), params)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func jsonBody(t testing.TB, text string) *Body {
	t.Helper()
	v, err := parseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &Body{present: true, value: v}
}

func input(method string, body *Body) *Input {
	if body == nil {
		body = &Body{}
	}
	return &Input{Method: method, Path: "/api/v1/things", Header: http.Header{}, Body: body}
}

func TestCheck_body_listsEveryProblem(t *testing.T) {
	create := schemaOf(t, "CreateThing")
	update := schemaOf(t, "UpdateThing", "thing_id")
	touch := schemaOf(t, "TouchThing")
	list := schemaOf(t, "ListThings")
	thing := map[string]string{"thing_id": someThing}
	tests := []struct {
		name   string
		schema *Schema
		caller Caller
		params map[string]string
		query  string
		body   string // empty is absent
		want   []string
	}{
		{"body absent", create, Caller{}, nil, "", "", []string{"body is required"}},
		{"body null", create, Caller{}, nil, "", `null`, []string{"body must be an object, not null"}},
		{"body array", create, Caller{}, nil, "", `[1]`, []string{"body must be an object, not an array"}},
		{"patch without body", update, Caller{}, thing, "", "", []string{"body is required"}},
		{"empty object", create, Caller{}, nil, "", `{}`, []string{"body.name is required"}},
		{"null for required", create, Caller{}, nil, "", `{"name":null}`, []string{"body.name must not be null"}},
		{"null for optional", create, Caller{}, nil, "", `{"name":"a","count":null}`, []string{"body.count must not be null"}},
		{"unknown property", create, Caller{}, nil, "", `{"name":"a","nope":1}`, []string{`body has the unknown property "nope"`}},
		{"unknown deep", create, Caller{}, nil, "", `{"name":"a","parts":[{"id":"x"},{"id":"y","z":1}]}`,
			[]string{`body.parts[1] has the unknown property "z"`}},
		{"required deep", create, Caller{}, nil, "", `{"name":"a","parts":[{"weight":1}]}`, []string{"body.parts[0].id is required"}},
		{"rule deep", create, Caller{}, nil, "", `{"name":"a","parts":[{"id":""}]}`, []string{"body.parts[0].id must be at least 1 character"}},
		{"camel case is unknown", create, Caller{}, nil, "", `{"name":"a","ownerId":"` + someUser + `"}`,
			[]string{`body has the unknown property "ownerId"`}},
		{"server-only by client", create, Caller{}, nil, "", `{"name":"a","server_metadata":{}}`,
			[]string{`body has the unknown property "server_metadata"`}},
		{"header field in body", create, Caller{}, nil, "", `{"name":"a","refresh_token":"x"}`,
			[]string{`body has the unknown property "refresh_token"`}},
		{"header field in query", touch, Caller{UserID: someUser}, nil, "refresh_token=x", "",
			[]string{`query has the unknown property "refresh_token"`, "headers.x-stack-refresh-token is required"}},
		{"user in schema", touch, Caller{}, nil, "", "",
			[]string{"user is required: sign in first", "headers.x-stack-refresh-token is required"}},
		{"string from object", create, Caller{}, nil, "", `{"name":{}}`, []string{"body.name must be a string, not an object"}},
		{"number from word", create, Caller{}, nil, "", `{"name":"a","count":"x"}`, []string{"body.count must be a number"}},
		{"number from empty", create, Caller{}, nil, "", `{"name":"a","count":""}`, []string{"body.count must be a number"}},
		{"number from boolean", create, Caller{}, nil, "", `{"name":"a","count":true}`, []string{"body.count must be a number, not a boolean"}},
		{"number from hex", create, Caller{}, nil, "", `{"name":"a","count":"0x10"}`, []string{"body.count must be a number"}},
		{"fraction for integer", create, Caller{}, nil, "", `{"name":"a","count":1.5}`, []string{"body.count must be an integer"}},
		{"integer out of range", create, Caller{}, nil, "", `{"name":"a","count":2147483648}`, []string{"body.count is out of range"}},
		{"number beyond double", create, Caller{}, nil, "", `{"name":"a","count":1e999}`, []string{"body.count is out of range"}},
		{"largest int64 and one", create, Caller{}, nil, "", `{"name":"a","big":9223372036854775808}`, []string{"body.big is out of range"}},
		{"metadata beyond double", create, Caller{}, nil, "", `{"name":"a","metadata":{"a":[1e999]}}`,
			[]string{"body.metadata contains a number outside the range of a double"}},
		{"NUL in metadata", create, Caller{}, nil, "", `{"name":"a","metadata":{"a":["\u0000"]}}`,
			[]string{"body.metadata must not contain NUL characters"}},
		{"NUL in string", create, Caller{}, nil, "", `{"name":"a\u0000"}`, []string{"body.name must not contain NUL characters"}},
		{"boolean from word", create, Caller{}, nil, "", `{"name":"a","flag":"yes"}`, []string{"body.flag must be true or false"}},
		{"boolean from two", create, Caller{}, nil, "", `{"name":"a","flag":2}`, []string{"body.flag must be true or false"}},
		{"list from object", create, Caller{}, nil, "", `{"name":"a","parts":{}}`, []string{"body.parts must be an array, not an object"}},
		{"list with null", create, Caller{}, nil, "", `{"name":"a","parts":[null]}`, []string{"body.parts[0] must not be null"}},
		{"dictionary of words", create, Caller{}, nil, "", `{"name":"a","scores":{"x":"y"}}`, []string{"body.scores.x must be a number"}},
		{"object from array", create, Caller{}, nil, "", `{"name":"a","config":[]}`, []string{"body.config must be an object, not an array"}},
		{"object null", create, Caller{}, nil, "", `{"name":"a","config":null}`, []string{"body.config must not be null"}},
		{"bad enum", create, Caller{}, nil, "", `{"name":"a","kind":"huge"}`, []string{`body.kind must be one of small, large`}},
		{"structure and rules together", create, Caller{}, nil, "x=1",
			`{"name":"12345678901","nickname":"x","count":"z","owner_id":"nope","extra":{},"parts":[{"id":7,"weight":"w"}]}`,
			[]string{
				`query has the unknown property "x"`,
				"body.count must be a number",
				`body has the unknown property "extra"`,
				"body.parts[0].weight must be a number",
				"body.name must be at most 10 characters",
				"body.nickname must be at least 2 characters",
				"body.owner_id must be a valid UUID",
			}},
		{"patch problems", update, Caller{}, map[string]string{"thing_id": "7"}, "update_mask=name&thing.name=x",
			`{"name":"12345678901","done":"maybe","server_metadata":1}`,
			[]string{
				`query has the unknown property "update_mask"`,
				`query has the unknown property "thing.name"`,
				"body.done must be true or false",
				`body has the unknown property "server_metadata"`,
				"path.thing_id must be a valid UUID",
				"body.name must be at most 10 characters",
			}},
		{"query problems", list, Caller{}, nil, "limit=0&desc=1&order_by=size&since=x&user_id=7&secret_filter=a&project_id=b", "",
			[]string{
				"query.desc must be true or false",
				"query.since must be a number",
				`query has the unknown property "secret_filter"`,
				`query has the unknown property "project_id"`,
				"query.user_id must be a valid UUID",
				"query.limit must be greater than or equal to 1",
				`query.order_by must be one of name, age`,
			}},
		{"me elsewhere is no id", update, Caller{UserID: someUser}, map[string]string{"thing_id": "me"}, "", `{}`,
			[]string{"path.thing_id must be a valid UUID"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var body *Body
			if tt.body != "" {
				body = jsonBody(t, tt.body)
			}
			in := input(http.MethodPost, body)
			in.Params, in.RawQuery = tt.params, tt.query
			_, err := tt.schema.Check(in, tt.caller)
			known, ok := errors.AsType[*apierr.Error](err)
			if !ok {
				t.Fatalf("Check: %v, want a SCHEMA_ERROR", err)
			}
			lines := strings.Split(known.Message, "\n")
			if !strings.Contains(lines[0], "POST /api/v1/things") {
				t.Errorf("headline %q does not name the endpoint", lines[0])
			}
			want := "  - " + strings.Join(tt.want, "\n  - ")
			if got := strings.Join(lines[1:], "\n"); got != want {
				t.Errorf("problems\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestCheck_soundRequest_becomesCanonical(t *testing.T) {
	tests := []struct {
		name   string
		method protoreflect.Name
		params map[string]string
		query  string
		header string // Refresh-Token
		body   string
		caller Caller
		want   string
		form   string
	}{
		{"casts in the body", "CreateThing", nil, "", "",
			`{"name":12.50,"count":"7","flag":"1","big":"9007199254740993","metadata":{"a": [1, null]},"nickname":true}`, Caller{},
			"\n" + `{"name":"12.5","count":7,"flag":true,"big":9007199254740992,"metadata":{"a": [1, null]},"nickname":"true"}`, ""},
		{"me in the body", "CreateThing", nil, "", "", `{"name":"a","owner_id":"me"}`, Caller{UserID: someUser},
			"\n" + `{"name":"a","owner_id":"` + someUser + `"}`, ""},
		{"nullable scalar is absent", "CreateThing", nil, "", "", `{"name":"a","kind":null,"nickname":null}`, Caller{},
			"\n" + `{"name":"a","nickname":null}`, ""},
		{"header joins the body", "CreateThing", nil, "", "tok\"en", `{"name":"a"}`, Caller{},
			"\n" + `{"refresh_token":"tok\"en","name":"a"}`, ""},
		{"server-only for servers", "CreateThing", nil, "", "", `{"name":"a","server_metadata":null}`, Caller{Full: true},
			"\n" + `{"name":"a","server_metadata":null}`, ""},
		{"mask is shallow", "UpdateThing", map[string]string{"thing_id": someThing}, "", "",
			`{"name":null,"metadata":{"a":{"b":1}},"part":{"id":"p"}}`, Caller{},
			`{"name":0,"metadata":0,"part":0}` + "\n" + `{"name":null,"metadata":{"a":{"b":1}},"part":{"id":"p"}}`, ""},
		{"empty patch", "UpdateThing", map[string]string{"thing_id": someThing}, "", "", `{}`, Caller{}, "{}\n{}", ""},
		{"query", "ListThings", nil, "user_id=me&limit=1&limit=%32&desc=true&since=1e3&thing_id=ignored", "", "", Caller{UserID: someUser},
			"", "desc=true&limit=2&since=1000&user_id=" + someUser},
		{"unknown keys tolerated", "ExchangeThing", nil, "x=1", "", `{"grant_type":"a","b":{"c":1}}`, Caller{},
			"\n" + `{"grant_type":"a"}`, ""},
		{"header alone", "TouchThing", nil, "", "tok", "", Caller{UserID: someUser}, "", "refresh_token=tok"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var names []string
			for name := range tt.params {
				names = append(names, name)
			}
			var body *Body
			if tt.body != "" {
				body = jsonBody(t, tt.body)
			}
			in := input(http.MethodPost, body)
			in.Params, in.RawQuery = tt.params, tt.query
			if tt.header != "" {
				in.Header.Set("X-Stack-Refresh-Token", tt.header)
			}
			got, err := schemaOf(t, tt.method, names...).Check(in, tt.caller)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Body) != tt.want {
				t.Errorf("body\n%s\nwant\n%s", got.Body, tt.want)
			}
			if got.Form.Encode() != tt.form {
				t.Errorf("form %s, want %s", got.Form.Encode(), tt.form)
			}
		})
	}
}

func TestUsesMe_onlyWhereDeclared(t *testing.T) {
	create, list := schemaOf(t, "CreateThing"), schemaOf(t, "ListThings")
	update := schemaOf(t, "UpdateThing", "thing_id")
	query := func(q string) *Input { in := input("GET", nil); in.RawQuery = q; return in }
	path := input("GET", nil)
	path.Params = map[string]string{"thing_id": "me"}
	for _, tt := range []struct {
		name   string
		schema *Schema
		in     *Input
		want   bool
	}{
		{"query", list, query("user_id=me"), true},
		{"other query", list, query("order_by=me"), false},
		{"body", create, input("POST", jsonBody(t, `{"owner_id":"me"}`)), true},
		{"other body", create, input("POST", jsonBody(t, `{"name":"me","metadata":{"owner_id":"me"}}`)), false},
		{"number", create, input("POST", jsonBody(t, `{"owner_id":1}`)), false},
		{"undeclared path", update, path, false},
	} {
		if got := tt.schema.UsesMe(tt.in); got != tt.want {
			t.Errorf("%s: UsesMe = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestRead_body_isDecodedOrRefused(t *testing.T) {
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	tests := []struct {
		name, method, contentType, encoding string
		body                                []byte
		status                              int
		present                             bool
	}{
		{"absent", "POST", "", "", []byte("{"), 0, false},
		{"get", "GET", "application/json", "", []byte("{"), 0, false},
		{"json", "POST", "application/json; charset=x", "", []byte(` {"a":1} `), 0, true},
		{"upper case type", "POST", "Application/JSON", "", []byte(`{}`), 0, true},
		{"empty json", "POST", "application/json", "", nil, 400, false},
		{"trailing garbage", "POST", "application/json", "", []byte(`{} x`), 400, false},
		{"two documents", "POST", "application/json", "", []byte(`{}{}`), 400, false},
		{"NaN", "POST", "application/json", "", []byte(`{"a":NaN}`), 400, false},
		{"byte order mark", "POST", "application/json", "", []byte("\xef\xbb\xbf{}"), 400, false},
		{"single quotes", "POST", "application/json", "", []byte(`{'a':1}`), 400, false},
		{"comment", "POST", "application/json", "", []byte(`{}//`), 400, false},
		{"invalid UTF-8", "POST", "application/json", "", []byte("{\"a\":\"\xff\"}"), 400, false},
		{"lone surrogate", "POST", "application/json", "", []byte(`{"a":"\ud800"}`), 400, false},
		{"reversed surrogates", "POST", "application/json", "", []byte(`{"a":"\udc00\ud800"}`), 400, false},
		{"surrogate pair", "POST", "application/json", "", []byte(`{"a":"\ud83d\ude00"}`), 0, true},
		{"duplicate name", "POST", "application/json", "", []byte(`{"a":1,"a":2}`), 400, false},
		{"duplicate escaped name", "POST", "application/json", "", []byte(`{"a":1,"\u0061":2}`), 400, false},
		{"too deep", "POST", "application/json", "", []byte(deep), 400, false},
		{"too many values", "POST", "application/json", "", []byte("[0" + strings.Repeat(",0", 200_000) + "]"), 400, false},
		{"form", "POST", "application/x-www-form-urlencoded;charset=UTF-8", "", []byte("a=1&a=2&b=%20+"), 0, true},
		{"form with too many fields", "POST", "application/x-www-form-urlencoded", "", []byte(manyFields(2000)), 400, false},
		{"text", "POST", "text/plain", "", []byte("x"), 0, true},
		{"bytes", "POST", "application/octet-stream", "", []byte{0xff}, 0, true},
		{"multipart", "POST", "multipart/form-data; boundary=x", "", nil, 400, false},
		{"xml", "POST", "application/xml", "", []byte("<a/>"), 400, false},
		{"gzip", "POST", "application/json", "gzip", gzipped(`{}`), 0, true},
		{"deflate", "POST", "application/json", "deflate", deflated(`{}`), 0, true},
		{"corrupt gzip", "POST", "application/json", "gzip", []byte("not gzip"), 400, false},
		{"cut gzip", "POST", "application/json", "gzip", gzipped(`{"a":1}`)[:20], 400, false},
		{"unknown encoding", "POST", "application/json", "br", []byte("{}"), 400, false},
		{"gzip bomb", "POST", "application/json", "gzip", gzipped(strings.Repeat(" ", 64<<20)), 413, false},
		{"too large", "POST", "application/json", "", bytes.Repeat([]byte(" "), 8<<20+1), 413, false},
	}
	br := NewBodyReader(0)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", bytes.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.contentType)
			r.Header.Set("Content-Encoding", tt.encoding)
			body, err := br.Read(r)
			defer body.Release()
			known, _ := errors.AsType[*apierr.Error](err)
			switch {
			case tt.status == 0 && err != nil:
				t.Fatal(err)
			case tt.status != 0 && (known == nil || known.HTTP != tt.status):
				t.Fatalf("got %v, want status %d", err, tt.status)
			case body.present != tt.present:
				t.Errorf("present = %v", body.present)
			}
		})
	}
	if br.Used() != 0 || !br.budget.TryAcquire(bodyCost*mediumBody) || !br.full.TryAcquire(1) {
		t.Error("a body kept its reservation")
	}
}

// Whatever the walker lets through, the decoder of the generated code must
// accept.
func FuzzCheck_acceptedBody_decodes(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a","count":1,"flag":true,"metadata":{"x":[1,null,"\u00e9"]},"parts":[{"id":"p","weight":-0}],"scores":{"":1}}`,
		`{"name":"x","big":-9223372036854775808,"config":{"a":{}},"kind":null,"nickname":null}`,
		`{"name":1e-7,"count":"2e3","scores":{"\n\"":"-0"}}`,
		`{"name":"a","metadata":-1e308,"server_metadata":[[]]}`,
		`{"metadata":null,"name":"\ud83d\ude00"}`, `[]`, `{"name":"\u0000"}`, `{"name":"` + "\u2028" + `"}`,
	} {
		f.Add([]byte(seed))
	}
	schema := schemaOf(f, "CreateThing")
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := parseJSON(data)
		if err != nil {
			return
		}
		c, err := schema.Check(input("POST", &Body{present: true, value: v}), Caller{Full: true, UserID: someUser})
		if err != nil {
			if strings.Contains(err.Error(), "could not be") {
				t.Fatalf("the walker passed what the decoder refuses: %v", err)
			}
			return
		}
		var msg testv1.CreateThingRequest
		if err := newMarshaler(false).NewDecoder(bytes.NewReader(c.Body)).Decode(&msg); err != nil {
			t.Fatalf("%s\n%v", c.Body, err)
		}
		if out, err := protojson.Marshal(&msg); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
	})
}

func FuzzParseForm_anyText_isValidUTF8(f *testing.F) {
	for _, seed := range []string{"a=1&b=2", "%", "%zz=%f", "a=%ff&a=%c3%a9", "=&&=", "a+b=%2B", "\xff=\xfe"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		params, ok := parseForm(text, 10)
		if !ok {
			return
		}
		seen := map[string]bool{}
		for _, p := range params {
			if seen[p.name] {
				t.Errorf("%q occurs twice", p.name)
			}
			seen[p.name] = true
			if b := appendQuoted(nil, p.value); !bytes.Equal(b, bytes.ToValidUTF8(b, nil)) {
				t.Errorf("%q is not valid UTF-8", p.value)
			}
		}
	})
}

// Where the order of an object's members means something, it reaches the
// service, and callers cannot say another one.
func TestCheck_positions_areThoseOfTheText(t *testing.T) {
	md := paymentsv1.File_payments_v1_owned_product_proto.Services().ByName("ProductService").Methods().ByName("GrantProduct")
	schema, err := Compile(md, proto.GetExtension(md.Options(), annotations.E_Http).(*annotations.HttpRule),
		proto.GetExtension(md.Options(), policyv1.E_Method).(*policyv1.Method), []string{"customer_type", "customer_id"})
	if err != nil {
		t.Fatal(err)
	}
	check := func(prices string) (*Canonical, error) {
		in := input("POST", jsonBody(t, `{"product_inline":{"display_name":"Deal","customer_type":"user","prices":`+prices+`}}`))
		in.Params = map[string]string{"customer_type": "user", "customer_id": someUser}
		return schema.Check(in, Caller{Full: true})
	}
	canonical, err := check(`{"b":{"USD":"1"},"a":{}}`)
	if err != nil {
		t.Fatal(err)
	}
	if want := `"prices":{"b":{"USD":"1","position":0},"a":{"position":1}}`; !strings.Contains(string(canonical.Body), want) {
		t.Errorf("%s, want %s", canonical.Body, want)
	}
	if _, err := check(`{"a":{"position":7}}`); err == nil || !strings.Contains(err.Error(), `unknown property "position"`) {
		t.Errorf("a position of the caller's: %v", err)
	}
}

// What other pages of the site have set, in whatever form, must not keep anybody
// from signing in.
func TestOwnCookies_foreignOnes_areLeftOut(t *testing.T) {
	for header, want := range map[string]string{
		"":                    "",
		"a=1; b=2":            "",
		"mine-1=true":         "mine-1=true",
		"a=1; mine-1=true; b": "mine-1=true",
		`consent={"all":true, "x":"y"}; mine-1=true; mine-2=true`: "mine-1=true; mine-2=true",
		"=; ;;mine-1=true; a b=c; mine-3=\"":                      "mine-1=true",
	} {
		got := strings.Join(ownCookies(http.Header{"Cookie": {header}}, "mine-"), "|")
		if got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}
