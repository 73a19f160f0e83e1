package docs

import (
	"fmt"
	"net/http"

	"vestibule.dev/gateway/internal/routes"
)

// localTag gathers what the gateway answers itself.
var localTag = tag{Name: "Server", Description: "What the edge answers itself."}

// local describes the operations without a service, by method and pattern. An
// operation that leads to another one has no description of its own.
var local = map[string]struct {
	id, summary, description string
	body                     *requestBody
	contentType              string
	content                  *schema
	undocumented             bool
}{
	"GET /api/v1": {
		id: "getRoot", summary: "API root",
		description: "A greeting that says how the request was authenticated, for checking keys and tokens.",
		contentType: "text/plain", content: &schema{Type: types{"string"}},
	},
	"GET /health": {
		id: "getHealth", summary: "Health", description: "Answers as soon as requests are accepted.",
		contentType: "text/plain", content: &schema{Type: types{"string"}, Const: "ok"},
	},
	"POST /api/v1/check-version": {
		id: "checkVersion", summary: "Check client version", description: "Tells a client library whether it is too old. None is.",
		body: &requestBody{Content: object[media]{{"application/json", media{Schema: &schema{
			Type: types{"object"}, Properties: object[*schema]{{"clientVersion", &schema{Type: types{"string"}}}},
		}}}}},
		contentType: "application/json",
		content: &schema{
			Type: types{"object"}, Required: []string{"upToDate"},
			Properties: object[*schema]{{"upToDate", &schema{Type: types{"boolean"}, Const: true}}},
		},
	},
	"POST /api/v1/check-feature-support": {
		id: "checkFeatureSupport", summary: "Check feature support", description: "Says that a feature is not supported by this server.",
		contentType: "text/plain", content: &schema{Type: types{"string"}},
	},
	// The payment provider alone calls it.
	"POST /api/v1/integrations/stripe/webhooks":                                {undocumented: true},
	"GET /api/v1/projects-anonymous-users/{project_id}/.well-known/{rest=**}":  {undocumented: true},
	"GET /api/v1/projects-restricted-users/{project_id}/.well-known/{rest=**}": {undocumented: true},
}

func (b *builder) local(r *routes.Route) (*operation, error) {
	text, ok := local[r.Method+" "+r.Pattern]
	if !ok {
		return nil, fmt.Errorf("docs: %s %s is not described", r.Method, r.Pattern)
	}
	if text.undocumented {
		return nil, nil
	}
	op := b.operation(r, text.id, localTag)
	op.Summary, op.Description, op.RequestBody = text.summary, text.description, text.body
	success := response{Description: http.StatusText(http.StatusOK)}
	success.Content.add(text.contentType, media{Schema: text.content})
	op.Responses.add("200", success)
	if len(r.Policy.GetAccess()) == 0 {
		return op, nil
	}
	return op, b.refusals(op, r, false)
}
