package config

import (
	"cmp"
	"slices"
	"strings"
)

// Rendered is a complete configuration: every key has its value or its
// default, and record entries are complete. It is never changed.
type Rendered struct{ root *object }

// JSON returns the configuration as compact JSON. The order is that of the
// schema, records keep the order in which their entries were written, and
// equal input gives equal bytes.
func (r Rendered) JSON() []byte { return appendJSON(make([]byte, 0, 4096), r.root) }

// HasTheme reports whether a theme with this id can be selected.
func (r Rendered) HasTheme(id string) bool {
	themes, _ := r.root.at("emails", "themes").(*object)
	return themes.has(id)
}

// Has reports whether something stands at a dotted key.
func (r Rendered) Has(key string) bool { return r.root.at(strings.Split(key, ".")...) != nil }

// Permissions is the JSON of the permission definitions, by id.
func (r Rendered) Permissions() []byte { return appendJSON(nil, r.root.at("rbac", "permissions")) }

// RequiresPublishableClientKey reports whether clients must present a key.
func (r Rendered) RequiresPublishableClientKey() bool {
	return r.on("project", "requirePublishableClientKey")
}

// Render applies the three overrides in turn and fills in the defaults.
func Render(project, branch, environment Document, builtIns BuiltIns) Rendered {
	overrides := apply(apply(project.root, branch.root), environment.root)
	r := renderer{builtIns: builtIns}
	root := r.fields(schema, "", r.normalise(overrides))
	sanitise(root, builtIns)
	return Rendered{root: root}
}

type renderer struct{ builtIns BuiltIns }

// normalise turns dotted keys into one tree. Keys with fewer dots go first, so
// that a dotted key wins over a nested one. A key whose parent is a record
// entry that nobody wrote, or no object at all, is dropped: it would otherwise
// bring an incomplete entry into being. In the tree null means "as if never
// written".
func (r renderer) normalise(overrides *object) *object {
	keys := make([]dottedKey, 0, overrides.len())
	for _, m := range overrides.all() {
		keys = append(keys, dottedKey{m.key, strings.Count(m.key, "."), m.value})
	}
	slices.SortStableFunc(keys, func(a, b dottedKey) int { return cmp.Compare(a.dots, b.dots) })

	root := &object{}
	for _, k := range keys {
		parentPath, last := "", k.key
		if i := strings.LastIndexByte(k.key, '.'); i >= 0 {
			parentPath, last = k.key[:i], k.key[i+1:]
		}
		if parent := r.parent(root, parentPath); parent != nil {
			// The tree is changed below, documents are not.
			parent.set(last, clone(k.value))
		}
	}
	return root
}

type dottedKey struct {
	key   string
	dots  int
	value any
}

// parent walks down to the object at path, making the objects that defaults
// would provide; nil if there is none.
func (r renderer) parent(root *object, path string) *object {
	if path == "" {
		return root
	}
	at, n := root, schema
	for segment := range strings.SplitSeq(path, ".") {
		child := n.child(segment)
		if child == nil {
			return nil
		}
		switch v := at.get(segment).(type) {
		case *object:
			at = v
		case nil:
			if !r.existsByDefault(n, child, segment) {
				return nil
			}
			made := &object{}
			at.set(segment, made)
			at = made
		default:
			return nil
		}
		n = child
	}
	return at
}

// existsByDefault reports whether an object stands at the child of n when
// nothing is written there.
func (r renderer) existsByDefault(n, child *node, segment string) bool {
	if n.entry == nil {
		return !child.optional()
	}
	return n.builtIn != nil && slices.ContainsFunc(n.builtIn(r.builtIns), func(b BuiltIn) bool { return b.ID == segment })
}

// value completes what is written at n; false means that the key is absent.
// id is the id of the innermost record entry around n.
func (r renderer) value(n *node, id string, v any) (any, bool) {
	if v == nil {
		switch n.def.(type) {
		case nil:
			if n.optional() {
				return nil, false
			}
			v = (*object)(nil)
		case ownID:
			return id, true
		default:
			return n.def, true
		}
	}
	switch o, ok := v.(*object); {
	case ok && n.entry != nil:
		return r.record(n, o), true
	case ok && n.fields != nil:
		return r.fields(n, id, o), true
	default:
		return withoutNulls(v), true
	}
}

func (r renderer) fields(n *node, id string, o *object) *object {
	out := withCapacity(len(n.names))
	for _, name := range n.names {
		if value, ok := r.value(n.fields[name], id, o.get(name)); ok {
			out.set(name, value)
		}
	}
	return out
}

func (r renderer) record(n *node, o *object) *object {
	out := withCapacity(o.len())
	if n.builtIn != nil {
		for _, b := range n.builtIn(r.builtIns) {
			entry := b.entry()
			written, _ := o.get(b.ID).(*object)
			for _, m := range written.all() {
				if m.value != nil {
					entry.set(m.key, m.value)
				}
			}
			out.set(b.ID, entry)
		}
	}
	for _, m := range o.all() {
		if m.value == nil || out.has(m.key) {
			continue
		}
		if value, ok := r.value(n.entry, m.key, m.value); ok {
			out.set(m.key, value)
		}
	}
	return out
}

// sanitise applies the rules that concern more than one key. root belongs to
// the caller, so it is changed in place.
func sanitise(root *object, builtIns BuiltIns) {
	if oauth, ok := root.at("auth", "oauth").(*object); ok {
		providers, _ := oauth.get("providers").(*object)
		oauth.set("providers", withTypes(providers))
	}
	if auth, ok := root.get("auth").(*object); ok {
		rules, _ := auth.get("signUpRules").(*object)
		auth.set("signUpRules", byPriority(rules))
	}
	emails, _ := root.get("emails").(*object)
	themes, _ := emails.get("themes").(*object)
	if selected, _ := emails.get("selectedThemeId").(string); !themes.has(selected) {
		emails.set("selectedThemeId", ThemeLight)
	}
	// The operator of the platform answers for mail from the shared server,
	// so its text is not the project's to choose.
	if emails.at("server", "isShared") == true {
		templates := withCapacity(len(builtIns.Templates))
		for _, b := range builtIns.Templates {
			templates.set(b.ID, b.entry())
		}
		emails.set("templates", templates)
	}
}

// withTypes leaves out providers that do not say what they are.
func withTypes(providers *object) *object {
	out := withCapacity(providers.len())
	for _, m := range providers.all() {
		if provider, ok := m.value.(*object); ok && provider.get("type") != nil {
			out.set(m.key, m.value)
		}
	}
	return out
}

// byPriority sorts sign-up rules in the order in which they are tried.
func byPriority(rules *object) *object {
	sorted := slices.Clone(rules.all())
	slices.SortFunc(sorted, func(a, b member) int {
		return cmp.Or(cmp.Compare(priority(b.value), priority(a.value)), strings.Compare(a.key, b.key))
	})
	out := withCapacity(len(sorted))
	for _, m := range sorted {
		out.set(m.key, m.value)
	}
	return out
}

func priority(rule any) float64 {
	o, _ := rule.(*object)
	n, _ := o.get("priority").(float64)
	return n
}
