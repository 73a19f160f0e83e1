package docs

import (
	"fmt"
	"net/http"
	"strings"

	"vestibule.dev/pkg/apierr"
)

// authenticationErrors are what any request that names a project, a key or a
// token may be answered with.
var authenticationErrors = []string{
	apierr.CodeProjectKeyWithoutAccessType,
	apierr.CodeInvalidAccessType,
	apierr.CodeAccessTypeWithoutProjectID,
	apierr.CodeUnparsableAccessToken,
	apierr.CodeAccessTokenExpired,
	apierr.CodeInvalidProjectForAccessToken,
	apierr.CodeAnonymousAuthenticationNotAllowed,
	apierr.CodeRestrictedUserNotAllowed,
	apierr.CodeCurrentProjectNotFound,
	apierr.CodeUnparsableAdminAccessToken,
	apierr.CodeAdminAccessTokenExpired,
	apierr.CodeAdminAccessTokenIsNotAdmin,
	apierr.CodePublishableClientKeyRequiredForProject,
	apierr.CodeInvalidPublishableClientKey,
	apierr.CodeServerAuthenticationRequired,
	apierr.CodeInvalidSecretServerKey,
	apierr.CodeAdminAuthenticationRequired,
	apierr.CodeInvalidSuperSecretAdminKey,
	apierr.CodeBranchDoesNotExist,
}

// refusal gathers the errors of one status.
type refusal struct {
	own   []apierr.Spec
	codes []any
}

func (r refusal) response() response {
	text := "Errors of authentication and of the request's shape."
	var examples object[mediaExample]
	if len(r.own) > 0 {
		lines := make([]string, 0, len(r.own))
		for _, spec := range r.own {
			lines = append(lines, fmt.Sprintf("* `%s`: %s", spec.Code, spec.Message))
			examples.add(spec.Code, mediaExample{Ref: "#/components/examples/" + spec.Code})
		}
		text = strings.Join(lines, "\n")
	}
	made := response{Description: text}
	made.Content.add("application/json", media{
		Schema: &schema{AllOf: []*schema{
			{Ref: "#/components/schemas/KnownError"},
			{Properties: object[*schema]{{"code", &schema{Enum: r.codes}}}},
		}},
		Examples: examples,
	})
	return made
}

func knownErrorSchema() *schema {
	s := &schema{
		Type:        types{"object"},
		Description: "The body of an error with a code.",
		Required:    []string{"code", "error"},
	}
	s.Properties.add("code", &schema{Type: types{"string"}, Description: "What clients switch on; also in the header `X-Hexclave-Known-Error`."})
	s.Properties.add("details", &schema{Type: types{"object"}, Description: "Depends on the code; left out when the code has none."})
	s.Properties.add("error", &schema{Type: types{"string"}, Description: "One sentence for humans."})
	return s
}

// sharedResponses are those that do not depend on the operation.
func sharedResponses() object[response] {
	text := func(description string, headers object[parameter]) response {
		r := response{Description: description, Headers: headers}
		r.Content.add("text/plain", media{Schema: &schema{Type: types{"string"}}})
		return r
	}
	retry := object[parameter]{{"Retry-After", parameter{Description: "Seconds to wait.", Schema: &schema{Type: types{"integer"}}}}}
	return object[response]{
		{"Text", text("An error without a code: its status and one sentence.", nil)},
		{"TooManyRequests", text(http.StatusText(http.StatusTooManyRequests)+".", retry)},
		{"Unavailable", text("Too busy, or a part of the system does not answer. Trying again is safe for reads.", retry)},
	}
}

// errorExamples shows the errors that operations name, in the order of the
// catalogue.
func (b *builder) errorExamples() object[mediaExample] {
	var list object[mediaExample]
	for _, spec := range apierr.Catalog() {
		if !b.codes[spec.Code] {
			continue
		}
		body := object[any]{{"code", spec.Code}}
		if len(spec.Details) > 0 {
			details := object[any]{}
			for _, d := range spec.Details {
				details.add(d.Name, detailExample(d))
			}
			body.add("details", details)
		}
		body.add("error", spec.Message)
		list.add(spec.Code, mediaExample{Summary: spec.Code, Value: body})
	}
	return list
}

func detailExample(d apierr.Detail) any {
	switch d.Kind {
	case apierr.Int, apierr.Number:
		return 8
	case apierr.Bool:
		return true
	case apierr.Strings:
		return []string{"string"}
	case apierr.Array:
		return []any{}
	case apierr.Reason:
		return object[any]{{"type", "email_not_verified"}}
	}
	return "string"
}
