// Package conformance promises that what the system answers is what the
// published API contract says. A Contract checks single responses; a Proxy
// checks everything that passes through it, whoever the client is.
package conformance

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed testdata/client-openapi.json
var document []byte

// Contract is the published description of the client API.
type Contract struct {
	operations []operation
}

// operation is one method on one path of the contract.
type operation struct {
	method   string
	path     string
	segments []string
	spec     *openapi3.Operation
}

// nullable lists the response properties that may be null. The published
// document has no word for it on most of them.
var nullable = map[string]bool{
	"display_name":                true,
	"primary_email":               true,
	"profile_image_url":           true,
	"client_metadata":             true,
	"client_read_only_metadata":   true,
	"selected_team":               true,
	"selected_team_id":            true,
	"restricted_reason":           true,
	"restricted_by_admin_reason":  true,
	"next_cursor":                 true,
	"after_callback_redirect_url": true,
	"afterCallbackRedirectUrl":    true,
	"stripe_account_id":           true,
	"charges_enabled":             true,
	"project_logo_url":            true,
}

// anyJSON lists the properties that hold any JSON although the document calls
// them objects.
var anyJSON = map[string]bool{
	"client_metadata":           true,
	"client_read_only_metadata": true,
	"server_metadata":           true,
}

// variants are further shapes of an answer, by operation: each lists the
// properties it has instead of those that the document requires.
var variants = map[string][][]string{
	// The document describes mode complete alone (auth.md §8.3).
	"POST /auth/cli/complete": {{"cli_session_state"}, {"access_token", "refresh_token"}},
}

// Load reads the contract.
func Load() (*Contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("read the API contract: %w", err)
	}
	contract := &Contract{}
	for path, item := range doc.Paths.Map() {
		for method, spec := range item.Operations() {
			for _, response := range spec.Responses.Map() {
				if media := response.Value.Content.Get("application/json"); media != nil && media.Schema != nil {
					relax(media.Schema.Value)
				}
			}
			contract.operations = append(contract.operations, operation{
				method: method, path: path, segments: split(path), spec: spec,
			})
		}
	}
	slices.SortFunc(contract.operations, func(a, b operation) int {
		return strings.Compare(a.path+" "+a.method, b.path+" "+b.method)
	})
	return contract, nil
}

// relax marks what may be null.
func relax(schema *openapi3.Schema) {
	if schema == nil {
		return
	}
	for name, property := range schema.Properties {
		if anyJSON[name] {
			schema.Properties[name] = openapi3.NewSchemaRef("", &openapi3.Schema{Nullable: true})
			continue
		}
		relax(property.Value)
		if nullable[name] && property.Value != nil {
			property.Value.Nullable = true
		}
	}
	if schema.Items != nil {
		relax(schema.Items.Value)
	}
}

// Operations names every operation, such as "GET /users/me".
func (c *Contract) Operations() []string {
	names := make([]string, 0, len(c.operations))
	for _, op := range c.operations {
		names = append(names, op.method+" "+op.path)
	}
	return names
}

// Find names the operation that a request belongs to. The path is relative to
// the API's base. A literal segment wins over a parameter.
func (c *Contract) Find(method, path string) (name string, found bool) {
	op := c.find(method, path)
	if op == nil {
		return "", false
	}
	return op.method + " " + op.path, true
}

func (c *Contract) find(method, path string) *operation {
	segments := split(path)
	var best *operation
	bestLiterals := -1
	for i := range c.operations {
		op := &c.operations[i]
		if op.method != method || len(op.segments) != len(segments) {
			continue
		}
		literals, matches := 0, true
		for j, segment := range op.segments {
			switch {
			case strings.HasPrefix(segment, "{"):
			case segment == segments[j]:
				literals++
			default:
				matches = false
			}
		}
		if matches && literals > bestLiterals {
			best, bestLiterals = op, literals
		}
	}
	return best
}

// Check holds a response against the contract and returns what is wrong with
// it. Errors follow the shape of known errors or are plain text; the document
// does not describe them.
func (c *Contract) Check(method, path string, status int, header http.Header, body []byte) error {
	if actual := header.Get("X-Stack-Actual-Status"); actual != "" {
		var err error
		if status, err = strconv.Atoi(actual); err != nil {
			return fmt.Errorf("X-Stack-Actual-Status is %q", actual)
		}
	}
	if err := checkHeaders(header); err != nil {
		return err
	}
	if status >= 400 {
		return checkError(status, header, body)
	}
	op := c.find(method, path)
	if op == nil {
		return nil
	}
	response := op.spec.Responses.Status(status)
	if response == nil {
		return fmt.Errorf("status %d is not among those of the contract", status)
	}
	contentType, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	media := response.Value.Content.Get(contentType)
	if media == nil {
		return fmt.Errorf("content type %q is not among those of the contract", contentType)
	}
	if contentType != "application/json" || media.Schema == nil {
		return nil
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("body is not JSON: %w", err)
	}
	if isVariant(op, value) {
		return nil
	}
	if err := media.Schema.Value.VisitJSON(value, openapi3.MultiErrors()); err != nil {
		return fmt.Errorf("body %s: %w", body, err)
	}
	return nil
}

// isVariant reports whether a body has exactly the properties of another shape
// of the operation's answer, all of them strings.
func isVariant(op *operation, body any) bool {
	object, _ := body.(map[string]any)
	return slices.ContainsFunc(variants[op.method+" "+op.path], func(names []string) bool {
		return len(object) == len(names) && !slices.ContainsFunc(names, func(name string) bool {
			text, _ := object[name].(string)
			return text == ""
		})
	})
}

// checkHeaders holds the headers that every response carries (protocol §6).
func checkHeaders(header http.Header) error {
	if id := header.Get("X-Stack-Request-Id"); id == "" || id != header.Get("X-Hexclave-Request-Id") {
		return fmt.Errorf("request ids are %q and %q", id, header.Get("X-Hexclave-Request-Id"))
	}
	if header.Get("Cache-Control") == "" {
		return fmt.Errorf("Cache-Control is missing")
	}
	return nil
}

// checkError holds the shape of an error response (protocol §6).
func checkError(status int, header http.Header, body []byte) error {
	if status >= 500 && status != http.StatusServiceUnavailable {
		return fmt.Errorf("answered %d: %s", status, body)
	}
	code := header.Get("X-Stack-Known-Error")
	if code != header.Get("X-Hexclave-Known-Error") {
		return fmt.Errorf("known-error headers are %q and %q", code, header.Get("X-Hexclave-Known-Error"))
	}
	if code == "" {
		return nil
	}
	var known struct {
		Code    string          `json:"code"`
		Details json.RawMessage `json:"details"`
		Error   string          `json:"error"`
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&known); err != nil {
		return fmt.Errorf("known error %s: %w", body, err)
	}
	if known.Code != code {
		return fmt.Errorf("code is %q in the header and %q in the body", code, known.Code)
	}
	if known.Error == "" {
		return fmt.Errorf("known error %s has no sentence", code)
	}
	if known.Details != nil && !strings.HasPrefix(strings.TrimSpace(string(known.Details)), "{") {
		return fmt.Errorf("details of %s are %s", code, known.Details)
	}
	return nil
}

func split(path string) []string {
	return strings.Split(strings.Trim(path, "/"), "/")
}
