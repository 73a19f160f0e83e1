package docs

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"

	"vestibule.dev/gateway/internal/routes"
	"vestibule.dev/gateway/internal/transcode"
	"vestibule.dev/pkg/apierr"
	policyv1 "vestibule.dev/proto/policy/v1"
)

// base is the part of all paths of the API that the description leaves to the
// server's URL.
const base = "/api/v1"

// introduction is the description's own text.
const introduction = "Sign-in, teams, e-mail and payments over HTTP and JSON.\n\n" +
	"Every request names a project (`X-Hexclave-Project-Id`), an access type (`X-Hexclave-Access-Type`: " +
	"`client`, `server` or `admin`) and the key of that type. A user is named by the access token that a sign-in " +
	"answers with (`X-Hexclave-Access-Token`). Each header may also be spelled `X-Stack-…`.\n\n" +
	"Tokens of anonymous and of restricted users are accepted when the request says so: " +
	"`X-Hexclave-Allow-Anonymous-User: true` (both kinds) or `X-Hexclave-Allow-Restricted-User: true`. " +
	"With `X-Hexclave-Override-Error-Status` a 4xx is sent as 200 and its status in `X-Hexclave-Actual-Status`.\n\n" +
	"An error with a code carries it in the header `X-Hexclave-Known-Error` too; all others are one sentence of " +
	"plain text. Every response has an `X-Hexclave-Request-Id`, which helps to find it in the logs.\n\n" +
	"Properties marked `x-server-only` exist for server and admin access; those marked `x-hidden` are sent " +
	"but not part of the published contract."

// builder makes a document out of routes.
type builder struct {
	comments comments
	schemas  schemas
	document document
	// ids are the operation ids given so far, codes the errors mentioned.
	ids   map[string]int
	codes map[string]bool
}

// build describes the routes. origin is where the API is reached, such as
// https://api.example.com.
func build(list []*routes.Route, origin, version string) (*document, error) {
	texts, err := readComments()
	if err != nil {
		return nil, err
	}
	b := &builder{
		comments: texts,
		schemas:  schemas{comments: texts, names: map[component]string{}},
		ids:      map[string]int{},
		codes:    map[string]bool{},
	}
	d := &b.document
	d.OpenAPI = "3.1.0"
	d.Info = info{Title: "vestibule", Version: version, Description: introduction}
	d.Info.License.Name, d.Info.License.Identifier = "Apache 2.0", "Apache-2.0"
	d.Servers = []server{{URL: base, Description: "This server"}}
	if origin != "" {
		d.Servers = append(d.Servers, server{URL: origin + base, Description: "This server, wherever the description is read"})
	}
	for _, r := range list {
		if err := b.route(r); err != nil {
			return nil, err
		}
	}
	d.Components.Schemas = append(object[*schema]{{"KnownError", knownErrorSchema()}}, b.schemas.named...)
	d.Components.Responses = sharedResponses()
	d.Components.Examples = b.errorExamples()
	d.Components.SecuritySchemes = securitySchemes
	return d, nil
}

func (b *builder) route(r *routes.Route) error {
	var op *operation
	var err error
	if r.RPC == "" {
		op, err = b.local(r)
	} else {
		op, err = b.remote(r)
	}
	if err != nil || op == nil {
		return err
	}
	path, under := strings.CutPrefix(r.Pattern, base)
	switch {
	case !under:
		op.Servers = []server{{URL: "/"}}
	case path == "":
		path = "/"
	}
	path = strings.ReplaceAll(path, "=**}", "}")
	*b.document.Paths.at(path).at(strings.ToLower(r.Method)) = op
	return nil
}

// remote describes an operation of a service.
func (b *builder) remote(r *routes.Route) (*operation, error) {
	d := r.Schema.Describe()
	service := d.Method.Parent()
	op := b.operation(r, string(d.Method.Name()), tag{
		Name: tagName(service), Description: b.comments.service(service),
	})
	op.Summary, op.Description = b.comments.method(d.Method)
	op.Description = paragraphs(append(append([]string{op.Description}, messageRules(d.Method.Input())...), accessNote(r.Policy))...)

	var err error
	if op.Parameters, err = b.parameters(r, d); err != nil {
		return nil, err
	}
	if op.RequestBody, err = b.body(d); err != nil {
		return nil, err
	}
	success, err := b.success(d.Method.Output())
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if s := r.Policy.GetSuccessStatus(); s != 0 {
		status = int(s)
	}
	op.Responses.add(strconv.Itoa(status), success)
	if r.Policy.GetRedirects() {
		redirect := response{Description: "Redirect"}
		redirect.Content.add("text/plain", media{Schema: &schema{Type: types{"string"}}})
		op.Responses.add(strconv.Itoa(http.StatusTemporaryRedirect), redirect)
	}
	for _, status := range r.Policy.GetFurtherSuccessStatus() {
		op.Responses.add(strconv.Itoa(int(status)), success)
	}
	return op, b.refusals(op, r, r.Schema.HasMe())
}

// operation starts an operation with what follows from its policy alone.
func (b *builder) operation(r *routes.Route, id string, t tag) *operation {
	id = strings.ToLower(id[:1]) + id[1:]
	if b.ids[id]++; b.ids[id] > 1 { // a further binding of the same method
		id += strconv.Itoa(b.ids[id])
	}
	if !slices.ContainsFunc(b.document.Tags, func(known tag) bool { return known.Name == t.Name }) {
		b.document.Tags = append(b.document.Tags, t)
	}
	return &operation{
		OperationID: id,
		Tags:        []string{t.Name},
		Security:    security(r.Policy),
		Access:      accessNames(r.Policy),
		Expensive:   r.Policy.GetRate() == policyv1.Rate_RATE_EXPENSIVE,
	}
}

func (b *builder) parameters(r *routes.Route, d transcode.Description) ([]parameter, error) {
	var list []parameter
	add := func(in string, properties []transcode.Property) error {
		for _, p := range properties {
			s, err := b.schemas.property(p)
			if err != nil {
				return err
			}
			made := parameter{
				Name: p.Name, In: in, Description: s.Description, Required: p.Required, Schema: s,
				ServerOnly: s.ServerOnly, Hidden: s.Hidden, Me: s.Me,
			}
			if in == "header" {
				made.Name = transcode.PublishedHeader(policyOf(p.Field).GetHeader())
			}
			if len(s.Examples) > 0 && p.Required {
				made.Example = s.Examples[0]
			}
			s.Description, s.ServerOnly, s.Hidden, s.Me = "", false, false, false
			list = append(list, made)
		}
		return nil
	}
	if err := add("path", d.Path); err != nil {
		return nil, err
	}
	if err := add("query", d.Query); err != nil {
		return nil, err
	}
	for _, name := range r.Policy.GetIgnoredQuery() {
		list = append(list, parameter{
			Name: name, In: "query", Description: "Accepted and ignored.", Schema: &schema{Type: types{"string"}}, Ignored: true,
		})
	}
	return list, add("header", d.Headers)
}

func (b *builder) body(d transcode.Description) (*requestBody, error) {
	if d.Body == nil {
		return nil, nil
	}
	s := &schema{Type: types{"object"}}
	var err error
	if d.Body.Message != nil {
		s, err = b.schemas.ref(d.Body.Message, request)
	} else {
		err = b.schemas.fillRequest(s, d.Body.Properties, d.Body.Tolerant)
	}
	if err != nil {
		return nil, err
	}
	sample, err := b.sample(d.Body)
	if err != nil {
		return nil, err
	}
	body := &requestBody{Required: d.Body.Required}
	body.Content.add("application/json", media{Schema: s, Example: sample})
	if d.Body.Tolerant {
		// Forms work everywhere, but only OAuth clients send them.
		body.Content.add("application/x-www-form-urlencoded", media{Schema: s, Example: sample})
	}
	return body, nil
}

// sample is a body to begin with: what is required or, when nothing is, the
// first property. Every optional property at once is rarely acceptable.
func (b *builder) sample(body *transcode.BodyDescription) (object[any], error) {
	sample := object[any]{}
	for i, p := range body.Properties {
		anyRequired := slices.ContainsFunc(body.Properties, func(p transcode.Property) bool { return p.Required })
		if !p.Required && (anyRequired || i > 0) {
			continue
		}
		s, err := b.schemas.property(p)
		if err != nil {
			return nil, err
		}
		sample.add(p.Name, sampleValue(s))
	}
	return sample, nil
}

func sampleValue(s *schema) any {
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Const != nil:
		return s.Const
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.Type) == 0:
		return object[any]{}
	}
	switch s.Type[0] {
	case "boolean":
		return true
	case "integer", "number":
		if s.Minimum != nil {
			return max(*s.Minimum, 0)
		}
		return 0
	case "array":
		return []any{}
	case "object":
		return object[any]{}
	}
	return "string"
}

func (b *builder) success(output protoreflect.MessageDescriptor) (response, error) {
	r := response{Description: "Success"}
	if output.FullName() == "google.api.HttpBody" {
		r.Content.add("*/*", media{Schema: &schema{Type: types{"string"}, Format: "binary"}})
		return r, nil
	}
	s, err := b.schemas.ref(output, answer)
	if err != nil {
		return r, err
	}
	r.Content.add("application/json", media{Schema: s})
	return r, nil
}

// accessNames are the access types of a policy as requests name them.
func accessNames(policy *policyv1.Method) []string {
	names := make([]string, 0, len(policy.GetAccess()))
	for _, a := range policy.GetAccess() {
		names = append(names, strings.ToLower(strings.TrimPrefix(a.String(), "ACCESS_")))
	}
	return names
}

// accessNote says who may call an operation that not everybody may call.
func accessNote(policy *policyv1.Method) string {
	switch {
	case policy.GetPublic():
		return "Needs no key."
	case len(policy.GetAccess()) < 3:
		return "Access: " + strings.Join(accessNames(policy), ", ") + "."
	}
	return ""
}

// tagName turns ContactChannelService into "Contact channel".
func tagName(service protoreflect.Descriptor) string {
	name := strings.TrimSuffix(string(service.Name()), "Service")
	for _, acronym := range []string{"Api", "Cli", "Otp", "Mfa"} {
		name = strings.ReplaceAll(name, acronym, strings.ToUpper(acronym)+" ")
	}
	name = strings.ReplaceAll(name, "Oauth", "OAuth")
	var b strings.Builder
	runes := []rune(strings.TrimSpace(name))
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && unicode.IsLower(runes[i-1]) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	words := strings.Fields(b.String())
	for i, word := range words {
		if i > 0 && word != strings.ToUpper(word) && word != "OAuth" {
			words[i] = strings.ToLower(word)
		}
	}
	return strings.Join(words, " ")
}

// refusals adds the errors an operation can answer with, one response for each
// status.
func (b *builder) refusals(op *operation, r *routes.Route, me bool) error {
	own := slices.Clone(r.Policy.GetErrors())
	if me {
		own = append(own, apierr.CodeCannotGetOwnUserWithoutUser)
	}
	if len(r.Policy.GetAccess()) > 0 && len(r.Policy.GetAccess()) < 3 {
		own = append(own, apierr.CodeInsufficientAccessType)
	}
	shared := []string{apierr.CodeSchemaError}
	if r.Method != http.MethodGet {
		shared = append(shared, apierr.CodeBodyParsingError)
	}
	if len(r.Policy.GetAccess()) > 0 {
		shared = append(shared, authenticationErrors...)
		if !r.Policy.GetPublic() {
			shared = append(shared, apierr.CodeAccessTypeRequired)
		}
	}
	var statuses object[refusal]
	for i, code := range slices.Concat(own, shared) {
		spec, ok := apierr.Lookup(code)
		if !ok {
			return fmt.Errorf("docs: %s names the unknown error %s", r.RPC, code)
		}
		group := statuses.at(strconv.Itoa(spec.HTTP))
		if slices.Contains(group.codes, any(code)) {
			continue
		}
		group.codes = append(group.codes, code)
		if i < len(own) {
			op.KnownErrors = append(op.KnownErrors, knownError{code, spec.HTTP})
			group.own = append(group.own, spec)
			b.codes[code] = true
		}
	}
	slices.SortFunc(statuses, func(a, b member[refusal]) int { return strings.Compare(a.name, b.name) })
	unavailable := response{Ref: "#/components/responses/Unavailable"}
	for _, group := range statuses {
		if group.name == strconv.Itoa(http.StatusServiceUnavailable) {
			unavailable = group.value.response()
			unavailable.Content.add("text/plain", media{Schema: &schema{Type: types{"string"}}})
			continue
		}
		op.Responses.add(group.name, group.value.response())
	}
	op.Responses.add("429", response{Ref: "#/components/responses/TooManyRequests"})
	op.Responses.add("503", unavailable)
	op.Responses.add("default", response{Ref: "#/components/responses/Text"})
	return nil
}
