package config

import (
	"slices"
	"strings"
)

// row declares one key of the configuration.
type row struct {
	// path is the dotted key; a segment in angle brackets stands for the ids
	// of a record and names its rule.
	path  string
	level Level
	typ   valueType
	// def is the value of the key where nothing is set; nil means that the key
	// is then absent. Inside a record it is the default of each entry.
	def any
}

// ownID as default stands for the id of the record entry around the key.
type ownID struct{}

// node is one step of the tree that the rows spell. It may take a plain value,
// hold named fields, or be a record with ids as keys; it may take a plain
// value and be a record at once ("include-by-default" or a record of prices).
type node struct {
	typ    *valueType
	def    any
	levels levelSet // where this key, or a key below it, may be written

	names  []string // fields in the order of the table
	fields map[string]*node

	entry *node
	ids   idRule
	// builtIn lists the entries of a record that exist without being written.
	builtIn func(BuiltIns) []BuiltIn
}

func (n *node) container() bool { return n.fields != nil || n.entry != nil }

// optional reports whether the node is absent, rather than an empty object,
// when nothing is written below it.
func (n *node) optional() bool { return n.def != nil || !n.container() }

// child returns the node for one segment below n, or nil.
func (n *node) child(segment string) *node {
	switch {
	case n.typ != nil && n.typ.free:
		return n
	case n.entry != nil:
		return n.entry
	default:
		return n.fields[segment]
	}
}

// expects completes the sentence "… must be".
func (n *node) expects() string {
	switch {
	case n.typ == nil:
		return "an object"
	case n.container():
		return n.typ.expects + ", or an object"
	default:
		return n.typ.expects
	}
}

// compile turns rows into a tree.
func compile(rows []row, rules map[string]idRule) *node {
	root := &node{}
	for _, r := range rows {
		levels := allowedAt(r.level)
		n := root
		n.levels |= levels
		for segment := range strings.SplitSeq(r.path, ".") {
			n = n.grow(segment, rules)
			n.levels |= levels
		}
		n.typ, n.def = &r.typ, r.def
	}
	return root
}

// grow returns the child for a segment of a row's path, adding it if needed.
func (n *node) grow(segment string, rules map[string]idRule) *node {
	if name, ok := strings.CutPrefix(segment, "<"); ok {
		rule, known := rules[strings.TrimSuffix(name, ">")]
		if !known {
			panic("config: no id rule " + segment)
		}
		if n.entry == nil {
			n.entry, n.ids = &node{}, rule
		}
		return n.entry
	}
	if n.fields == nil {
		n.fields = map[string]*node{}
	}
	if n.fields[segment] == nil {
		n.fields[segment] = &node{}
		n.names = append(n.names, segment)
	}
	return n.fields[segment]
}

// Key describes one configuration key for people.
type Key struct {
	// Path is the dotted key, with record ids as <placeholder>.
	Path string
	// Level is where the key may be written; branch keys also per environment.
	Level Level
	// Type is the accepted type in the notation of the reference.
	Type string
	// Default is the JSON of the default, "" if the key is absent by default,
	// and "the id" if it is the id of the record entry around the key.
	Default string
}

// Reference lists every key in the order of the rendered configuration.
func Reference() []Key {
	keys := make([]Key, 0, len(rows))
	for _, r := range rows {
		k := Key{Path: r.path, Level: r.level, Type: r.typ.name}
		switch r.def.(type) {
		case nil:
		case ownID:
			k.Default = "the id"
		default:
			k.Default = string(appendJSON(nil, r.def))
		}
		keys = append(keys, k)
	}
	return slices.Clip(keys)
}
