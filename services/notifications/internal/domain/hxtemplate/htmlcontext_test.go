package hxtemplate

import (
	"slices"
	"strings"
	"testing"
)

// A name is copied with each of its characters. One as long as a source
// takes half a minute of a processor.
func TestFeed_endlessNames_areNotKept(t *testing.T) {
	for _, begin := range []string{"<", "</", "<a "} {
		var c htmlContext
		if _, err := c.feed(begin+strings.Repeat("x", 20*maxName), 1); err != nil {
			t.Fatal(err)
		}
		if len(c.element) > maxName+1 || len(c.attr) > maxName+1 {
			t.Errorf("%s: names of %d and %d bytes are kept", begin, len(c.element), len(c.attr))
		}
	}
	for _, name := range slices.Concat(rawElements, urlAttributes, printAttributes) {
		if len(name) > maxName {
			t.Errorf("%s would not be known", name)
		}
	}
	// What begins like a name that means something is another one.
	for _, source := range []string{
		`<a href` + strings.Repeat("x", 2*maxName) + `="{{ user.displayName }}">`,
		`<a title` + strings.Repeat("x", 2*maxName) + `="{{ user.displayName }}">`,
	} {
		if _, err := Parse("---\nformat: hx-template/1\n---\n" + source + "\n"); err == nil {
			t.Errorf("%.12s: a value may stand in an attribute that means nothing", source)
		}
	}
}
