package hxtemplate

import (
	"slices"
	"strings"
)

// state is where in an HTML document the parser stands.
type state int

const (
	stateText    state = iota
	stateOpen          // after <, before it is known what begins
	stateName          // in the name of a tag
	stateTag           // between attributes
	stateAttr          // in the name of an attribute
	stateAfter         // after the name of an attribute
	stateEquals        // after =
	stateValue         // in a quoted value
	stateBare          // in a value without quotes
	stateMarkup        // in <! or <?
	stateComment       // in <!-- -->
	stateRaw           // in an element whose content is not markup
)

// htmlContext follows HTML far enough to know what a value at this place would
// mean. It is comparable: two equal contexts read what follows alike.
type htmlContext struct {
	state   state
	closing bool   // the tag is an end tag
	element string // name of the tag or of the raw element
	attr    string // name of the attribute
	quote   byte   // that ends the value
}

// rawElements hold text that is not markup, or not always: only their end tag
// counts.
var rawElements = []string{"script", "style", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext", "title", "textarea"}

// urlAttributes hold one URL each.
var urlAttributes = []string{
	"href", "src", "action", "formaction", "cite", "background", "poster", "data", "longdesc", "usemap", "manifest", "icon", "profile", "codebase", "classid", "archive", "xlink:href",
}

// printAttributes may contain values besides: they mean nothing but text,
// sizes and names.
var printAttributes = []string{
	"alt", "title", "width", "height", "class", "id", "name", "value", "lang", "dir", "align", "valign", "bgcolor", "color", "border",
	"cellpadding", "cellspacing", "colspan", "rowspan", "role", "label", "summary", "placeholder", "datetime", "start", "abbr", "scope",
}

// maxName is how much of the name of a tag or attribute is looked at: more than
// any of those that mean something has.
const maxName = 32

// grown is a name with one more character. What is too long to mean anything
// stays as it is, because each character copies the name.
func grown(name string, b byte) string {
	if len(name) > maxName {
		return name
	}
	return name + string(lower(b))
}

// feed reads more of the document and returns it as nodes.
func (c *htmlContext) feed(text string, line int) ([]node, error) {
	var nodes []node
	flushed := 0
	flush := func(to int) {
		if to > flushed {
			nodes = append(nodes, literal(text[flushed:to]))
			flushed = to
		}
	}
	for i := 0; i < len(text); i++ {
		b := text[i]
		switch c.state {
		case stateText:
			if b == '<' {
				*c = htmlContext{state: stateOpen}
			}
		case stateOpen:
			switch {
			case isLetter(b):
				c.state, c.element = stateName, string(lower(b))
			case b == '/' && !c.closing:
				c.closing = true
			case strings.HasPrefix(text[i:], "!--") && !c.closing:
				*c = htmlContext{state: stateComment}
				i += 2
				// <!--> and <!---> are whole comments.
				for _, end := range []string{">", "->"} {
					if strings.HasPrefix(text[i+1:], end) {
						*c = htmlContext{}
						i += len(end)
						break
					}
				}
			case b == '>' && c.closing:
				*c = htmlContext{}
			case b == '!' || b == '?' || c.closing:
				*c = htmlContext{state: stateMarkup}
			default: // a lone <
				*c = htmlContext{}
				i--
			}
		case stateMarkup:
			if b == '>' {
				*c = htmlContext{}
			}
		case stateComment:
			for _, end := range []string{"-->", "--!>"} {
				if strings.HasPrefix(text[i:], end) {
					*c = htmlContext{}
					i += len(end) - 1
					break
				}
			}
		case stateRaw:
			if end := "</" + c.element; len(text)-i >= len(end) && strings.EqualFold(text[i:i+len(end)], end) {
				c.state, c.closing = stateTag, true
				i += len(end) - 1
			}
		case stateName:
			switch {
			case isSpace(b) || b == '/':
				c.state = stateTag
			case b == '>':
				c.endTag()
			default:
				c.element = grown(c.element, b)
			}
		case stateTag:
			switch {
			case isSpace(b) || b == '/':
			case b == '>':
				c.endTag()
			default:
				c.state, c.attr = stateAttr, string(lower(b))
			}
		case stateAttr, stateAfter:
			switch {
			case b == '=':
				c.state = stateEquals
			case b == '>':
				c.endTag()
			case b == '/':
				c.state, c.attr = stateTag, ""
			case isSpace(b):
				c.state = stateAfter
			case c.state == stateAfter:
				c.state, c.attr = stateAttr, string(lower(b))
			default:
				c.attr = grown(c.attr, b)
			}
		case stateEquals:
			switch {
			case isSpace(b):
			case b == '"' || b == '\'':
				c.state, c.quote = stateValue, b
				if c.isURL() {
					flush(i + 1)
					nodes = append(nodes, urlStart{})
				}
			case b == '>':
				c.endTag()
			case c.isURL():
				return nil, failure(line+strings.Count(text[:i], "\n"), "the value of %s must be in quotes", c.attr)
			default:
				c.state = stateBare
			}
		case stateValue:
			if b == c.quote {
				if c.isURL() {
					flush(i)
					nodes = append(nodes, urlEnd{})
				}
				c.state, c.attr, c.quote = stateTag, "", 0
			}
		case stateBare:
			switch {
			case isSpace(b):
				c.state, c.attr = stateTag, ""
			case b == '>':
				c.endTag()
			}
		}
	}
	flush(len(text))
	return nodes, nil
}

// endTag is called at the > of a tag.
func (c *htmlContext) endTag() {
	if !c.closing && slices.Contains(rawElements, c.element) {
		*c = htmlContext{state: stateRaw, element: c.element}
		return
	}
	*c = htmlContext{}
}

func (c *htmlContext) isURL() bool { return slices.Contains(urlAttributes, c.attr) }

// escape tells how a value at this place is escaped, or that none may stand
// here.
func (c *htmlContext) escape(line int) (mode, error) {
	switch c.state {
	case stateText:
		return inHTML, nil
	case stateValue:
		switch {
		case c.isURL():
			return inURL, nil
		case slices.Contains(printAttributes, c.attr), strings.HasPrefix(c.attr, "aria-"), strings.HasPrefix(c.attr, "data-"):
			return inHTML, nil
		}
		return 0, failure(line, "the attribute %s cannot contain a value", excerpt(c.attr))
	case stateEquals, stateBare:
		return 0, failure(line, "an attribute with a value must be in quotes")
	case stateRaw:
		if c.element == "title" || c.element == "textarea" {
			return inHTML, nil // text in which entities are read, up to the end tag
		}
		return 0, failure(line, "%s cannot contain a value", c.element)
	case stateComment, stateMarkup:
		return 0, failure(line, "a comment cannot contain a value")
	}
	return 0, failure(line, "a value cannot stand within a tag outside the value of an attribute")
}

func isSpace(b byte) bool {
	return b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == '\f'
}

func isLetter(b byte) bool { return 'a' <= lower(b) && lower(b) <= 'z' }

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}
