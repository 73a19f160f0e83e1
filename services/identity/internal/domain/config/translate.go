package config

import (
	"slices"
	"strconv"
	"strings"
	"sync"
)

// spelling is one old way of writing a key.
type spelling struct {
	path   []string // old key; "*" stands for any record id
	name   string   // new last segment; empty removes the key
	levels levelSet
	// convert turns the old value into the new one; nil keeps it.
	convert func(value any) any
}

func old(path, name string) spelling {
	return spelling{path: strings.Split(path, "."), name: name, levels: atBranch | atEnvironment}
}

// oldSpellings are tried in this order on every key.
var oldSpellings = []spelling{
	old("emails.theme", "selectedThemeId"),
	old("payments.offers", "products"),
	old("payments.products.*.groupId", "productLineId"),
	old("payments.products.*.catalogId", "productLineId"),
	{path: []string{"domains", "trustedDomains"}, name: "trustedDomains", levels: atEnvironment, convert: listToRecord},

	old("emails.themeList", ""),
	old("emails.templateList", ""),
	old("sourceOfTruth", ""),
	old("payments.stripeAccountId", ""),
	old("payments.stripeAccountSetupComplete", ""),
	old("payments.items.*.default", ""),
	old("workflows", ""),
	old("apps.installed.workflows", ""),
}

// translate rewrites old key names to the current ones, in dotted and in
// nested keys. Where a document holds both spellings of one key, the current
// one stays.
func translate(level Level, root *object) *object {
	at := level.document()
	if at == atProject {
		return root
	}
	for _, s := range oldSpellings {
		if s.levels&at != 0 {
			root = s.rewrite(root)
		}
	}
	return translateProductLines(root)
}

// rewrite applies s to the dotted keys of a document and to what they hold.
func (s spelling) rewrite(root *object) *object {
	if !slices.ContainsFunc(root.all(), func(m member) bool { return s.concerns(m.key) }) {
		return root
	}
	out := withCapacity(root.len())
	for _, m := range root.all() {
		if !s.concerns(m.key) {
			out.set(m.key, m.value)
			continue
		}
		segments := strings.Split(m.key, ".")
		shared := min(len(segments), len(s.path))
		switch {
		case !matches(s.path[:shared], segments[:shared]):
			out.set(m.key, m.value)
		case len(segments) < len(s.path):
			out.set(m.key, s.rewriteBelow(m.value, s.path[shared:]))
		case s.name == "":
		default:
			segments[shared-1] = s.name
			value := m.value
			if s.convert != nil && len(segments) == len(s.path) {
				value = s.convert(value)
			}
			key := strings.Join(segments, ".")
			if key == m.key || !root.has(key) && !out.has(key) {
				out.set(key, value)
			}
		}
	}
	return out
}

// concerns is a cheap first look at a key.
func (s spelling) concerns(key string) bool {
	rest, ok := strings.CutPrefix(key, s.path[0])
	return ok && (rest == "" || rest[0] == '.')
}

// rewriteBelow applies s to a nested value that stands where the rest of the
// path is still to come.
func (s spelling) rewriteBelow(v any, rest []string) any {
	o, ok := v.(*object)
	if !ok {
		return v
	}
	if len(rest) == 1 && !o.has(rest[0]) {
		return v
	}
	out := withCapacity(o.len())
	for _, m := range o.all() {
		switch {
		case rest[0] != "*" && rest[0] != m.key:
			out.set(m.key, m.value)
		case len(rest) > 1:
			out.set(m.key, s.rewriteBelow(m.value, rest[1:]))
		case s.name == "":
		default:
			value := m.value
			if s.convert != nil {
				value = s.convert(value)
			}
			if s.name == m.key || !o.has(s.name) {
				out.set(s.name, value)
			}
		}
	}
	return out
}

func matches(pattern, segments []string) bool {
	for i := range pattern {
		if pattern[i] != "*" && pattern[i] != segments[i] {
			return false
		}
	}
	return true
}

func listToRecord(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := withCapacity(len(list))
	for i, element := range list {
		out.set(strconv.Itoa(i), element)
	}
	return out
}

// translateProductLines renames the two old names of payments.productLines.
// Lines had no customer type of their own then: each takes that of the first
// product in it, and a line without products goes.
func translateProductLines(root *object) *object {
	// The products are looked for only when an old name is there.
	lines := sync.OnceValue(func() lineTypes { return findLineTypes(root) })
	out := root
	for _, name := range []string{"payments.groups", "payments.catalogs"} {
		whole := old(name, "productLines")
		whole.convert = func(v any) any { return lines().keepUsed(v) }
		out = whole.rewrite(rewriteLineKeys(out, name+".", lines))
	}
	return out
}

// rewriteLineKeys handles dotted keys of single lines; the caller's spelling
// then renames them.
func rewriteLineKeys(root *object, prefix string, lines func() lineTypes) *object {
	if !slices.ContainsFunc(root.all(), func(m member) bool { return strings.HasPrefix(m.key, prefix) }) {
		return root
	}
	out := withCapacity(root.len())
	for _, m := range root.all() {
		rest, ok := strings.CutPrefix(m.key, prefix)
		id, field, _ := strings.Cut(rest, ".")
		switch {
		case !ok:
			out.set(m.key, m.value)
		case !lines().used(id):
		case field == "":
			out.set(m.key, lines().typed(id, m.value))
		default:
			out.set(m.key, m.value)
		}
	}
	return out
}

// lineTypes maps the product lines that a document's products name to the
// customer type of the first product in each; "" where the document does not
// tell.
type lineTypes map[string]string

func (l lineTypes) used(id string) bool {
	_, ok := l[id]
	return ok
}

// typed gives a line its customer type.
func (l lineTypes) typed(id string, line any) any {
	o, ok := line.(*object)
	if !ok || o.get("customerType") != nil || l[id] == "" {
		return line
	}
	out, _ := clone(o).(*object)
	out.set("customerType", l[id])
	return out
}

// keepUsed does the same for a whole record of lines and drops unused ones.
func (l lineTypes) keepUsed(record any) any {
	o, ok := record.(*object)
	if !ok {
		return record
	}
	out := withCapacity(o.len())
	for _, m := range o.all() {
		if l.used(m.key) {
			out.set(m.key, l.typed(m.key, m.value))
		}
	}
	return out
}

// findLineTypes looks through the products of a document, whatever way they
// are written.
func findLineTypes(root *object) lineTypes {
	products := &object{} // id → object with what is known
	product := func(id string) *object {
		if o, ok := products.get(id).(*object); ok {
			return o
		}
		o := &object{}
		products.set(id, o)
		return o
	}
	whole := func(id string, v any) {
		o, ok := v.(*object)
		if !ok {
			return
		}
		p := product(id)
		p.set("productLineId", o.get("productLineId"))
		p.set("customerType", o.get("customerType"))
		if o.get("customerType") == nil {
			p.set("customerType", "user") // the default of a product
		}
	}
	record := func(v any) {
		if o, ok := v.(*object); ok {
			for _, m := range o.all() {
				whole(m.key, m.value)
			}
		}
	}
	for _, m := range root.all() {
		segments := strings.Split(m.key, ".")
		switch {
		case segments[0] != "payments":
		case len(segments) == 1:
			if o, ok := m.value.(*object); ok {
				record(o.get("products"))
			}
		case segments[1] != "products":
		case len(segments) == 2:
			record(m.value)
		case len(segments) == 3:
			whole(segments[2], m.value)
		case len(segments) == 4 && (segments[3] == "productLineId" || segments[3] == "customerType"):
			product(segments[2]).set(segments[3], m.value)
		}
	}
	lines := lineTypes{}
	for _, m := range products.all() {
		p, _ := m.value.(*object)
		line, _ := p.get("productLineId").(string)
		if line == "" {
			continue
		}
		if customer, _ := p.get("customerType").(string); lines[line] == "" {
			lines[line] = customer
		}
	}
	return lines
}
