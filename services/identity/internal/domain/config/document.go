package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Document is one override document: valid for its level and never changed.
// The zero Document is empty.
type Document struct {
	level Level
	root  *object
}

// ParseDocument reads an override as a caller wrote it. Old key names are
// translated first; then everything that has no place at the level is refused
// with 400 and a sentence that quotes the dotted key at fault.
func ParseDocument(level Level, text string) (Document, error) {
	if tooLong(text) {
		return Document{}, errTooLong()
	}
	root, err := decode(text)
	if err != nil {
		return Document{}, err
	}
	c := newChecker(level)
	root = c.document(translate(level, root))
	if len(c.problems) > 0 {
		return Document{}, invalid("%s", c.problems[0])
	}
	return Document{level: level, root: root}, nil
}

// LoadDocument reads a stored override. Old key names are translated. What the
// schema no longer knows is left out and named in dropped, so that a project
// outlives the removal of a key; the caller should log it. The error is
// internal: text that is no configuration at all was not written by this
// package, and rendering defaults in its place could open a project.
func LoadDocument(level Level, text string) (doc Document, dropped []string, err error) {
	root, err := decode(text)
	if err != nil {
		// Not wrapped: a damaged row is not the caller's bad request.
		return Document{}, nil, fmt.Errorf("stored %s configuration: %s", level, err.Error())
	}
	c := newChecker(level)
	root = c.document(translate(level, root))
	return Document{level: level, root: root}, c.problems, nil
}

// Level returns the level the document is valid for.
func (d Document) Level() Level { return d.level }

// IsEmpty reports whether the document sets nothing.
func (d Document) IsEmpty() bool { return d.root.len() == 0 }

// String returns the document as compact JSON in its own key order, "{}" if it
// is empty. This is the text to store and to return.
func (d Document) String() string {
	if d.IsEmpty() {
		return "{}"
	}
	return string(appendJSON(nil, d.root))
}

// CheckSize refuses with 400 a document that grew too long to be stored. Call
// it after [Document.Apply]: each patch is bounded, their sum is not.
func (d Document) CheckSize() error {
	if tooLong(d.String()) {
		return errTooLong()
	}
	return nil
}

// Apply returns d with over written over it. Every key of over replaces the
// same key and all dotted keys below it. Nested objects are not merged: a key
// written whole replaces everything below it, while a dotted key leaves a
// nested object that contains it in place and wins when rendered.
func (d Document) Apply(over Document) Document {
	level := d.level
	if level == "" {
		level = over.level
	}
	return Document{level: level, root: apply(d.root, over.root)}
}

// Reset returns d without the given dotted keys: without the keys themselves,
// their dotted descendants, and the matching parts of nested objects. Objects
// emptied by that vanish. Keys that are not set are ignored.
func (d Document) Reset(keys []string) Document {
	doomed := &keyTree{}
	for _, key := range keys {
		if len(key) <= maxKeyBytes { // no stored key is longer
			doomed.add(key)
		}
	}
	out := withCapacity(d.root.len())
	for _, m := range d.root.all() {
		t := doomed
		for segment := range strings.SplitSeq(m.key, ".") {
			if t = t.next[segment]; t == nil || t.end {
				break
			}
		}
		if value, keep := t.prune(m.value); keep {
			out.set(m.key, value)
		}
	}
	return Document{level: d.level, root: out}
}

func tooLong(text string) bool {
	return len(text) > MaxDocumentLength && utf8.RuneCountInString(text) > MaxDocumentLength
}

func errTooLong() error {
	return invalid("The configuration is too long; at most %d characters are allowed.", MaxDocumentLength)
}

func apply(base, over *object) *object {
	if over.len() == 0 {
		return base
	}
	out := withCapacity(base.len() + over.len())
	for _, m := range base.all() {
		if !hasPrefixOf(over, m.key) {
			out.set(m.key, m.value)
		}
	}
	for _, m := range over.all() {
		out.set(m.key, m.value)
	}
	return out
}

// hasPrefixOf reports whether o has key itself or a dotted key above it.
func hasPrefixOf(o *object, key string) bool {
	for i := range len(key) {
		if key[i] == '.' && o.has(key[:i]) {
			return true
		}
	}
	return o.has(key)
}

// keyTree is a set of dotted keys by segment.
type keyTree struct {
	end  bool // the key that ends here is in the set
	next map[string]*keyTree
}

func (t *keyTree) add(key string) {
	for segment := range strings.SplitSeq(key, ".") {
		if t.next == nil {
			t.next = map[string]*keyTree{}
		}
		if t.next[segment] == nil {
			t.next[segment] = &keyTree{}
		}
		t = t.next[segment]
	}
	t.end = true
}

// prune removes the keys of t from v; false means that nothing remains. A nil
// tree removes nothing.
func (t *keyTree) prune(v any) (any, bool) {
	if t == nil {
		return v, true
	}
	if t.end {
		return nil, false
	}
	o, ok := v.(*object)
	if !ok || len(t.next) == 0 {
		return v, true
	}
	out := withCapacity(o.len())
	for _, m := range o.all() {
		if value, keep := t.next[m.key].prune(m.value); keep {
			out.set(m.key, value)
		}
	}
	return out, out.len() > 0 || o.len() == 0
}
