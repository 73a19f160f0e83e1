package letter

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// PlainText turns the HTML of a mail into its plain text part: tags are
// dropped, links are followed by their target, every target is written once,
// images contribute nothing and blank lines are collapsed. <p>x</p> is x.
func PlainText(document string) string {
	w := &textWriter{seen: map[string]bool{}}
	tokens := html.NewTokenizer(strings.NewReader(document))
	tokens.SetMaxBuf(len(document) + 1)
	for {
		switch tokens.Next() {
		case html.ErrorToken: // the end; a reader of strings has no other error
			return w.String()
		case html.TextToken:
			w.text(string(tokens.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			w.start(token)
		case html.EndTagToken:
			w.end(tokens.Token())
		}
	}
}

type textWriter struct {
	out    strings.Builder
	breaks int    // line breaks owed before the next word
	space  bool   // a space is owed before the next word
	hidden int    // depth within an element that is not shown
	hides  []bool // of each open element, whether it hides
	names  []atom.Atom
	pre    int
	link   *link
	seen   map[string]bool
}

// link is the open <a>.
type link struct {
	target string
	text   strings.Builder
	// What was owed before it.
	breaks int
	space  bool
}

var (
	blankLines = regexp.MustCompile(`\n{3,}`)
	notShown   = regexp.MustCompile(`(?i)display\s*:\s*none`)
)

// blocks begin and end on lines of their own; the number is how many line
// breaks separate them.
var blocks = map[atom.Atom]int{
	atom.P: 2, atom.H1: 2, atom.H2: 2, atom.H3: 2, atom.H4: 2, atom.H5: 2, atom.H6: 2, atom.Ul: 2, atom.Ol: 2, atom.Blockquote: 2,
	atom.Table: 2, atom.Pre: 2, atom.Hr: 2, atom.Div: 1, atom.Tr: 1, atom.Li: 1, atom.Section: 1, atom.Article: 1, atom.Header: 1,
	atom.Footer: 1, atom.Main: 1, atom.Dl: 1, atom.Dt: 1, atom.Dd: 1, atom.Center: 1, atom.Address: 1, atom.Body: 1, atom.Html: 1,
}

// void elements have no end tag.
var void = map[atom.Atom]bool{
	atom.Br: true, atom.Hr: true, atom.Img: true, atom.Meta: true, atom.Link: true, atom.Input: true, atom.Area: true, atom.Base: true,
	atom.Col: true, atom.Embed: true, atom.Source: true, atom.Track: true, atom.Wbr: true, atom.Param: true,
}

func (w *textWriter) start(token html.Token) {
	name := token.DataAtom
	if !void[name] && token.Type == html.StartTagToken {
		hides := hides(token)
		w.names, w.hides = append(w.names, name), append(w.hides, hides)
		if hides {
			w.hidden++
		}
	}
	switch {
	case w.hidden > 0:
	case name == atom.Br:
		w.breakLine(1)
	case name == atom.Td || name == atom.Th:
		w.space = true
	case name == atom.A:
		w.closeLink()
		w.link = &link{target: attribute(token, "href"), breaks: w.breaks, space: w.space}
		w.breaks, w.space = 0, false
	case name == atom.Li:
		w.breakLine(1)
		w.word("-")
		w.space = true
	default:
		w.breakLine(blocks[name])
	}
	if name == atom.Pre {
		w.pre++
	}
}

func (w *textWriter) end(token html.Token) {
	name := token.DataAtom
	// An end tag closes everything within its element; one without an element
	// closes nothing.
	for i := len(w.names) - 1; i >= 0; i-- {
		if w.names[i] != name {
			continue
		}
		for _, hides := range w.hides[i:] {
			if hides {
				w.hidden--
			}
		}
		w.names, w.hides = w.names[:i], w.hides[:i]
		break
	}
	if name == atom.A {
		w.closeLink()
	}
	if name == atom.Pre && w.pre > 0 {
		w.pre--
	}
	if w.hidden == 0 {
		w.breakLine(blocks[name])
	}
}

func hides(token html.Token) bool {
	switch token.DataAtom {
	case atom.Head, atom.Style, atom.Script, atom.Title, atom.Template, atom.Noscript:
		return true
	}
	for _, a := range token.Attr {
		if a.Key == "hidden" || a.Key == "style" && notShown.MatchString(a.Val) {
			return true
		}
	}
	return false
}

func attribute(token html.Token, name string) string {
	for _, a := range token.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func (w *textWriter) text(raw string) {
	if w.hidden > 0 {
		return
	}
	text := html.UnescapeString(raw)
	if w.pre > 0 {
		for i, line := range strings.Split(text, "\n") {
			if i > 0 {
				w.breakLine(w.breaks + 1)
			}
			w.word(line)
		}
		return
	}
	text = strings.ReplaceAll(text, "\u00a0", " ")
	if text != "" && strings.TrimLeft(text, " \t\r\n\f") != text {
		w.space = true
	}
	for i, word := range strings.Fields(text) {
		if i > 0 {
			w.space = true
		}
		w.word(word)
	}
	if strings.TrimRight(text, " \t\r\n\f") != text {
		w.space = true
	}
}

// word writes text after the breaks and spaces that are owed.
func (w *textWriter) word(text string) {
	if text == "" {
		return
	}
	if w.link != nil {
		if w.link.text.Len() > 0 && (w.space || w.breaks > 0) {
			w.link.text.WriteByte(' ')
		}
		w.space, w.breaks = false, 0
		w.link.text.WriteString(text)
		return
	}
	w.separate()
	w.out.WriteString(text)
}

func (w *textWriter) separate() {
	if w.out.Len() > 0 {
		switch {
		case w.breaks > 0:
			w.out.WriteString(strings.Repeat("\n", w.breaks))
		case w.space:
			w.out.WriteByte(' ')
		}
	}
	w.breaks, w.space = 0, false
}

func (w *textWriter) breakLine(n int) { w.breaks = max(w.breaks, n) }

// closeLink writes the open link: its text, and its target unless that was
// written before.
func (w *textWriter) closeLink() {
	if w.link == nil {
		return
	}
	text, target := w.link.text.String(), strings.TrimPrefix(w.link.target, "mailto:")
	// What is owed now came after the last word of the link.
	breaks, space := w.breaks, w.space
	w.breaks, w.space = w.link.breaks, w.link.space
	w.link = nil
	if target != "" && target[0] != '#' {
		first := !w.seen[target]
		w.seen[target] = true
		switch {
		case text == target && !first:
			text = ""
		case text == "" && first: // an image
			text = target
		case text != target && first:
			text += ": " + target
		}
	}
	w.word(text)
	w.breaks, w.space = max(w.breaks, breaks), w.space || space
}

// String returns the text without blanks around it.
func (w *textWriter) String() string {
	w.closeLink()
	return strings.TrimSpace(blankLines.ReplaceAllString(w.out.String(), "\n\n"))
}
