package hxtemplate

import (
	"strings"
)

// node is one of literal, *insert, *choice, *loop, urlStart and urlEnd.
type node any

// literal is text of the source that is written as it is.
type literal string

// insert writes a value, escaped for where it stands.
type insert struct {
	path path
	mode mode
}

// choice is {{#if}}.
type choice struct {
	path            path
	then, otherwise []node
}

// loop is {{#each}}.
type loop struct {
	path path
	body []node
}

// urlStart and urlEnd enclose the value of an attribute that holds a URL.
type (
	urlStart struct{}
	urlEnd   struct{}
)

// mode says how a value is escaped.
type mode int

const (
	inHTML mode = iota // content of an element or of a harmless attribute
	inURL              // part of a URL
	inText             // plain text
	asIs               // HTML that was rendered before
)

// path names a value, as in user.displayName.
type path []string

func (p path) String() string { return strings.Join(p, ".") }

// parser turns one part of a source into nodes.
type parser struct {
	rest  string
	line  int
	html  *htmlContext // nil for plain text
	scope *scope
}

func parseHTML(source string, line int, s *scope) ([]node, error) {
	p := &parser{rest: source, line: line, html: &htmlContext{}, scope: s}
	nodes, end, err := p.block(0)
	switch {
	case err != nil:
		return nil, err
	case end != "":
		return nil, failure(p.line, "{{%s}} closes nothing", end)
	case p.html.state != stateText:
		return nil, failure(p.line, "the HTML ends inside a tag or comment")
	}
	return nodes, nil
}

func parseText(source string, line int, s *scope) ([]node, error) {
	p := &parser{rest: source, line: line, scope: s}
	nodes, end, err := p.block(0)
	if err != nil {
		return nil, err
	}
	if end != "" {
		return nil, failure(p.line, "{{%s}} closes nothing", end)
	}
	if nodes == nil {
		nodes = []node{}
	}
	return nodes, nil
}

// block reads nodes until the source ends or a tag that closes or divides a
// block, which it returns.
func (p *parser) block(depth int) (nodes []node, end string, err error) {
	if depth > MaxNesting {
		return nil, "", failure(p.line, "blocks are nested deeper than %d", MaxNesting)
	}
	for {
		before, after, found := strings.Cut(p.rest, "{{")
		if nodes, err = p.literal(nodes, before); err != nil {
			return nil, "", err
		}
		if !found {
			p.rest = ""
			return nodes, "", nil
		}
		tag, rest, closed := strings.Cut(after, "}}")
		if !closed {
			return nil, "", failure(p.line, "{{ is not closed by }}")
		}
		p.rest = rest
		line := p.line
		p.line += strings.Count(tag, "\n")
		tag = strings.TrimSpace(tag)
		switch keyword, argument, _ := strings.Cut(tag, " "); keyword {
		case "else", "/if", "/each":
			if argument != "" {
				return nil, "", failure(line, "{{%s}} takes nothing", keyword)
			}
			return nodes, keyword, nil
		case "#if":
			n, err := p.choice(argument, line, depth)
			if err != nil {
				return nil, "", err
			}
			nodes = append(nodes, n)
		case "#each":
			n, err := p.loop(argument, line, depth)
			if err != nil {
				return nil, "", err
			}
			nodes = append(nodes, n)
		default:
			n, err := p.insert(tag, line)
			if err != nil {
				return nil, "", err
			}
			nodes = append(nodes, n)
		}
	}
}

func (p *parser) literal(nodes []node, text string) ([]node, error) {
	if text == "" {
		return nodes, nil
	}
	if p.html == nil {
		p.line += strings.Count(text, "\n")
		return append(nodes, literal(text)), nil
	}
	read, err := p.html.feed(text, p.line)
	p.line += strings.Count(text, "\n")
	return append(nodes, read...), err
}

func (p *parser) choice(argument string, line, depth int) (*choice, error) {
	n := &choice{}
	var err error
	if n.path, _, err = p.scope.resolve(argument, line); err != nil {
		return nil, err
	}
	enter, err := p.enter(line)
	if err != nil {
		return nil, err
	}
	var end string
	if n.then, end, err = p.block(depth + 1); err != nil {
		return nil, err
	}
	if err := p.leave(enter, line); err != nil {
		return nil, err
	}
	if end == "else" {
		if n.otherwise, end, err = p.block(depth + 1); err != nil {
			return nil, err
		}
		if err := p.leave(enter, line); err != nil {
			return nil, err
		}
	}
	if end != "/if" {
		return nil, failure(line, "{{#if}} is not closed by {{/if}}")
	}
	return n, nil
}

func (p *parser) loop(argument string, line, depth int) (*loop, error) {
	n := &loop{}
	var kind Kind
	var err error
	if n.path, kind, err = p.scope.resolve(argument, line); err != nil {
		return nil, err
	}
	if kind != JSON {
		return nil, failure(line, "%s is no list", n.path)
	}
	enter, err := p.enter(line)
	if err != nil {
		return nil, err
	}
	p.scope.loops++
	var end string
	n.body, end, err = p.block(depth + 1)
	p.scope.loops--
	if err != nil {
		return nil, err
	}
	if end != "/each" {
		return nil, failure(line, "{{#each}} is not closed by {{/each}}")
	}
	return n, p.leave(enter, line)
}

// enter and leave hold a block to the place in the HTML where it begins, so
// that what follows means the same whether the block is written or not.
func (p *parser) enter(line int) (htmlContext, error) {
	if p.html == nil {
		return htmlContext{}, nil
	}
	switch p.html.state {
	case stateText, stateTag, stateValue:
		return *p.html, nil
	}
	return htmlContext{}, failure(line, "a block cannot begin here: not in a comment, style or script, nor in the middle of a tag's names")
}

func (p *parser) leave(enter htmlContext, line int) error {
	if p.html != nil && *p.html != enter {
		return failure(line, "a block must end where it began: in the text, in the same tag or in the same attribute")
	}
	return nil
}

func (p *parser) insert(tag string, line int) (*insert, error) {
	path, kind, err := p.scope.resolve(tag, line)
	if err != nil {
		return nil, err
	}
	n := &insert{path: path, mode: inText}
	if p.html != nil {
		if n.mode, err = p.html.escape(line); err != nil {
			return nil, err
		}
	}
	if kind == kindHTML {
		if p.html == nil || p.html.state != stateText {
			return nil, failure(line, "{{ children }} belongs between elements")
		}
		if p.scope.placesChildren {
			return nil, failure(line, "{{ children }} may be placed once")
		}
		p.scope.placesChildren = true
		n.mode = asIs
	}
	return n, nil
}
