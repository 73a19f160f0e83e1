package mailbox

import "strings"

// Query selects mails as Mailpit's search does: to:, from:, cc:, bcc:,
// addressed:, subject: and free text, each a part of the value in any case, all
// of them required; a leading - excludes and quotes keep words together. The
// zero Query selects all.
type Query struct {
	terms []term
}

type term struct {
	field   string // "" is free text
	value   string // in lower case
	exclude bool
}

// ParseQuery reads a query. Everything is a query: what names no known field
// is free text.
func ParseQuery(text string) Query {
	var q Query
	for _, word := range words(text) {
		t := term{}
		word, t.exclude = strings.CutPrefix(word, "-")
		t.value = word
		if field, value, ok := strings.Cut(word, ":"); ok {
			if field = strings.ToLower(field); fields[field] != nil {
				t.field, t.value = field, value
			}
		}
		t.value = strings.ToLower(strings.ReplaceAll(t.value, `"`, ""))
		if t.value != "" {
			q.terms = append(q.terms, t)
		}
	}
	return q
}

var fields = map[string]func(*Message) string{
	"to":      func(m *Message) string { return join(m.To) },
	"from":    func(m *Message) string { return m.From.String() },
	"cc":      func(m *Message) string { return join(m.Cc) },
	"bcc":     func(m *Message) string { return join(m.Bcc) },
	"subject": func(m *Message) string { return m.Subject },
	"addressed": func(m *Message) string {
		return strings.Join([]string{m.From.String(), join(m.To), join(m.Cc), join(m.Bcc)}, ", ")
	},
	"message-id": func(m *Message) string { return m.MessageID },
}

// Matches tells whether the query selects the mail.
func (q Query) Matches(m *Message) bool {
	for _, t := range q.terms {
		in := m.search
		if of := fields[t.field]; of != nil {
			in = strings.ToLower(of(m))
		}
		if strings.Contains(in, t.value) == t.exclude {
			return false
		}
	}
	return true
}

// words splits at spaces outside quotes; the quotes stay.
func words(text string) []string {
	quoted := false
	return strings.FieldsFunc(text, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}
