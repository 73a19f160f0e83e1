package hxtemplate

import (
	"encoding/json"
	"html"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// Data is what a rendering fills in.
type Data struct {
	// UserDisplayName is nil when the mail belongs to no user, or to one
	// without a name.
	UserDisplayName    *string
	ProjectDisplayName string
	Logos              Logos
	// UnsubscribeLink is empty when the mail needs none.
	UnsubscribeLink string
	// Variables are values as encoding/json reads them.
	Variables map[string]any
	// Children is the content a theme frames; it is HTML.
	Children string
}

// Logos are the URLs of a project's logos; empty when there is none.
type Logos struct {
	URL, FullURL, DarkModeURL, FullDarkModeURL string
}

// Output is a rendered template.
type Output struct {
	// Subject is one line; empty when the template sets none.
	Subject string
	HTML    string
	// Text is meaningful when HasText is true.
	Text    string
	HasText bool
}

// Stop tells a rendering that its time is over; nil means that it has as much
// as it wants. It is asked now and then.
type Stop func() bool

// Render fills the template. It fails with an [Error] when a variable is
// missing or of the wrong type and when the result exceeds a limit, and stops
// when stop says so.
func (t *Template) Render(stop Stop, data Data) (Output, error) {
	values, err := t.values(data)
	if err != nil {
		return Output{}, err
	}
	var out Output
	if out.HTML, err = run(stop, t.html, values); err != nil {
		return Output{}, err
	}
	if t.text != nil {
		out.HasText = true
		if out.Text, err = run(stop, t.text, values); err != nil {
			return Output{}, err
		}
	}
	if t.subject != nil {
		if out.Subject, err = run(stop, t.subject, values); err != nil {
			return Output{}, err
		}
		out.Subject = SingleLine(out.Subject)
	}
	return out, nil
}

// CheckVariables reports which value is missing or of the wrong type.
func (t *Template) CheckVariables(values map[string]any) error {
	for _, v := range t.Variables {
		value := values[v.Name]
		switch {
		case value == nil && v.Optional:
		case value == nil:
			return failure(0, "the variable %s is missing", v.Name)
		case !v.Kind.admits(value):
			return failure(0, "the variable %s must be of type %s", v.Name, v.Kind)
		}
	}
	return nil
}

func (k Kind) admits(value any) bool {
	switch value := value.(type) {
	case string:
		return k == String || k == JSON
	case float64:
		return (k == Number || k == JSON) && !math.IsNaN(value) && !math.IsInf(value, 0)
	case bool:
		return k == Boolean || k == JSON
	}
	return k == JSON
}

// values puts the data where paths look for it. Variables the template does
// not declare are left out.
func (t *Template) values(data Data) (map[string]any, error) {
	variables := map[string]any{"projectDisplayName": data.ProjectDisplayName, "userDisplayName": ""}
	user := map[string]any{}
	if data.UserDisplayName != nil {
		user["displayName"] = *data.UserDisplayName
		variables["userDisplayName"] = *data.UserDisplayName
	}
	given := map[string]any{}
	for name, value := range data.Variables {
		given[name] = value
		if _, implicit := variables[name]; implicit {
			if text, ok := value.(string); ok {
				variables[name] = text
			}
		}
	}
	for _, v := range t.Variables {
		if _, ok := given[v.Name]; !ok {
			if implicit, ok := variables[v.Name]; ok {
				given[v.Name] = implicit
			}
		}
	}
	if err := t.CheckVariables(given); err != nil {
		return nil, err
	}
	for _, v := range t.Variables {
		variables[v.Name] = given[v.Name]
	}
	return map[string]any{
		"user":            user,
		"project":         map[string]any{"displayName": data.ProjectDisplayName},
		"variables":       variables,
		"unsubscribeLink": data.UnsubscribeLink,
		"projectLogos": map[string]any{
			"logoUrl": data.Logos.URL, "logoFullUrl": data.Logos.FullURL,
			"logoDarkModeUrl": data.Logos.DarkModeURL, "logoFullDarkModeUrl": data.Logos.FullDarkModeURL,
		},
		"children": data.Children,
	}, nil
}

// renderer writes one part.
type renderer struct {
	stop       Stop
	values     map[string]any
	this       []any // items of the open loops
	out        strings.Builder
	url        *strings.Builder // value of the attribute being written
	expansions int
}

func run(stop Stop, nodes []node, values map[string]any) (string, error) {
	r := &renderer{stop: stop, values: values}
	if err := r.nodes(nodes); err != nil {
		return "", err
	}
	return r.out.String(), nil
}

func (r *renderer) nodes(nodes []node) error {
	for _, n := range nodes {
		if r.expansions++; r.expansions > MaxExpansions {
			return failure(0, "the template expands to more than %d parts", MaxExpansions)
		}
		if r.stop != nil && r.stop() {
			return failure(0, "rendering took too long")
		}
		if err := r.node(n); err != nil {
			return err
		}
	}
	return nil
}

func (r *renderer) node(n node) error {
	switch n := n.(type) {
	case literal:
		return r.write(string(n))
	case *insert:
		return r.insert(n)
	case *choice:
		if truthy(r.lookup(n.path)) {
			return r.nodes(n.then)
		}
		return r.nodes(n.otherwise)
	case *loop:
		return r.loop(n)
	case urlStart:
		r.url = &strings.Builder{}
	case urlEnd:
		value := r.url.String()
		r.url = nil
		return r.write(html.EscapeString(safeURL(html.UnescapeString(value))))
	}
	return nil
}

func (r *renderer) loop(n *loop) error {
	value := r.lookup(n.path)
	if value == nil {
		return nil
	}
	items, ok := value.([]any)
	if !ok {
		return failure(0, "%s is no list", n.path)
	}
	r.this = append(r.this, nil)
	defer func() { r.this = r.this[:len(r.this)-1] }()
	for _, item := range items {
		r.this[len(r.this)-1] = item
		if err := r.nodes(n.body); err != nil {
			return err
		}
	}
	return nil
}

func (r *renderer) insert(n *insert) error {
	text, ok := format(r.lookup(n.path))
	if !ok {
		return failure(0, "%s is not a text, number or boolean", n.path)
	}
	if len(text) > MaxOutput {
		return r.tooLarge()
	}
	switch n.mode {
	case asIs:
		return r.write(text)
	case inText:
		return r.write(Printable(text))
	case inURL:
		return r.write(html.EscapeString(r.urlPart(Printable(text))))
	default:
		return r.write(html.EscapeString(Printable(text)))
	}
}

// urlPart encodes a value for its place in a URL: a value the URL begins with
// is the URL itself, others are data in it.
func (r *renderer) urlPart(text string) string {
	written := r.url.String()
	switch {
	case strings.TrimSpace(written) == "":
		return text
	case strings.ContainsAny(html.UnescapeString(written), "?#"):
		return url.QueryEscape(text)
	default:
		return url.PathEscape(text)
	}
}

func (r *renderer) write(text string) error {
	into := &r.out
	if r.url != nil {
		into = r.url
	}
	if r.out.Len()+into.Len()+len(text) > MaxOutput {
		return r.tooLarge()
	}
	into.WriteString(text)
	return nil
}

func (r *renderer) tooLarge() error {
	return failure(0, "the result is larger than %d bytes", MaxOutput)
}

// lookup walks a path; a part that does not exist is nil.
func (r *renderer) lookup(p path) any {
	var value any = r.values
	rest := p
	if p[0] == "this" {
		value, rest = r.this[len(r.this)-1], p[1:]
	}
	for _, segment := range rest {
		switch container := value.(type) {
		case map[string]any:
			value = container[segment]
		case []any:
			index, err := strconv.Atoi(segment)
			if err != nil || index >= len(container) {
				return nil
			}
			value = container[index]
		default:
			return nil
		}
	}
	return value
}

func truthy(value any) bool {
	switch value := value.(type) {
	case nil:
		return false
	case bool:
		return value
	case string:
		return value != ""
	case float64:
		return value != 0
	case []any:
		return len(value) > 0
	}
	return true
}

// format gives scalars their text.
func format(value any) (string, bool) {
	switch value := value.(type) {
	case nil:
		return "", true
	case string:
		return value, true
	case bool:
		return strconv.FormatBool(value), true
	case float64:
		text, err := json.Marshal(value)
		return string(text), err == nil
	}
	return "", false
}
