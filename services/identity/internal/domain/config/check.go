package config

import (
	"fmt"
	"slices"
	"strings"
)

// checker compares a document with the schema. It keeps what fits and names
// what does not, so that refusing a document and ignoring what is wrong in a
// stored one are the same decision.
type checker struct {
	level    Level    // for sentences
	at       levelSet // keys of these levels are allowed
	path     []string
	problems []string // sentences
}

func newChecker(level Level) *checker {
	return &checker{level: level, at: level.document()}
}

// problem names what is wrong with the key at the current path; the sentence
// goes on with predicate.
func (c *checker) problem(predicate string, args ...any) {
	// A document is refused for its first problem and a stored one is logged:
	// nobody reads thousands of them, and a hostile document has millions.
	const limit = 20
	if len(c.problems) < limit {
		c.problems = append(c.problems, fmt.Sprintf("The configuration key %q %s.", join(c.path), fmt.Sprintf(predicate, args...)))
	}
}

// document returns the part of root that fits.
func (c *checker) document(root *object) *object {
	out := withCapacity(root.len())
	for _, m := range root.all() {
		c.path = append(c.path[:0], strings.Split(m.key, ".")...)
		n := c.resolve()
		if n == nil {
			continue
		}
		if value, ok := c.value(n, m.value); ok {
			out.set(m.key, value)
		}
	}
	return out
}

// resolve finds the node of the dotted key in c.path, or nil after naming the
// problem.
func (c *checker) resolve() *node {
	n := schema
	for _, segment := range c.path {
		if n.entry != nil && !n.ids.accepts(segment) {
			c.badID(n, segment)
			return nil
		}
		if n = n.child(segment); n == nil {
			c.unknown()
			return nil
		}
	}
	return n
}

func (c *checker) unknown() {
	c.problem("does not exist")
}

func (c *checker) badID(n *node, id string) {
	c.problem("is not valid: the id %q must be %s", clip(id), n.ids.expects)
}

// value returns the part of v that fits n; false means nothing of it.
func (c *checker) value(n *node, v any) (any, bool) {
	if n.levels&c.at == 0 {
		c.problem("cannot be set at the %s level, only at the %s", c.level, n.levels.names())
		return nil, false
	}
	if v == nil {
		return nil, true
	}
	if o, ok := v.(*object); ok && n.container() {
		return c.members(n, o), true
	}
	if n.typ == nil || !n.typ.accepts(v) {
		c.problem("must be %s", n.expects())
		return nil, false
	}
	return v, true
}

func (c *checker) members(n *node, o *object) *object {
	out := withCapacity(o.len())
	for _, m := range o.all() {
		c.path = append(c.path, m.key)
		switch child := n.child(m.key); {
		case child == nil:
			c.unknown()
		case n.entry != nil && n.ids.nested && !n.ids.accepts(m.key):
			c.badID(n, m.key)
		default:
			if value, ok := c.value(child, m.value); ok {
				out.set(m.key, value)
			}
		}
		c.path = slices.Delete(c.path, len(c.path)-1, len(c.path))
	}
	return out
}
