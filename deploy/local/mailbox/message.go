package mailbox

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	_ "github.com/emersion/go-message/charset" // mails in other encodings than UTF-8
	gomail "github.com/emersion/go-message/mail"
)

// Message is a received mail. Field names in JSON are Mailpit's.
type Message struct {
	ID          string
	MessageID   string
	From        Address
	To          []Address
	Cc          []Address
	Bcc         []Address
	ReplyTo     []Address
	ReturnPath  string
	Subject     string
	Date        time.Time
	Tags        []string
	Text        string
	HTML        string
	Size        int
	Inline      []Attachment
	Attachments []Attachment

	created time.Time
	source  []byte
	headers mail.Header
	search  string // all that free text looks through, in lower case
}

// Address is one party of a mail.
type Address struct {
	Name    string
	Address string
}

// Attachment is a part that is not the text of the mail.
type Attachment struct {
	PartID      string
	FileName    string
	ContentType string
	ContentID   string
	Size        int
}

// Envelope is what the sender said over SMTP, beside the mail itself.
type Envelope struct {
	From string
	To   []string
}

// parse reads a mail. What cannot be read is left out: a mailbox for tests
// shows broken mails too, their source above all.
func parse(id string, received time.Time, envelope Envelope, source []byte) *Message {
	m := &Message{
		ID:          id,
		Date:        received,
		ReturnPath:  envelope.From,
		Size:        len(source),
		Tags:        []string{},
		To:          []Address{},
		Cc:          []Address{},
		Bcc:         []Address{},
		ReplyTo:     []Address{},
		Inline:      []Attachment{},
		Attachments: []Attachment{},
		created:     received,
		source:      source,
	}
	m.headers = rawHeaders(source)
	reader, err := gomail.CreateReader(bytes.NewReader(source))
	if reader == nil {
		m.Text = fmt.Sprintf("This mail could not be read: %v", err)
	} else {
		m.readHeader(&reader.Header)
		m.readParts(reader)
	}
	m.addHiddenRecipients(envelope.To)
	m.search = strings.ToLower(strings.Join([]string{
		m.Subject, m.From.String(), join(m.To), join(m.Cc), join(m.Bcc), m.Text, visibleText(m.HTML),
	}, "\n"))
	return m
}

func rawHeaders(source []byte) mail.Header {
	parsed, err := mail.ReadMessage(bytes.NewReader(source))
	if err != nil {
		return mail.Header{}
	}
	return parsed.Header
}

func (m *Message) readHeader(header *gomail.Header) {
	m.MessageID, _ = header.MessageID()
	m.Subject, _ = header.Subject()
	if date, err := header.Date(); err == nil && !date.IsZero() {
		m.Date = date
	}
	if from := addresses(header, "From"); len(from) > 0 {
		m.From = from[0]
	}
	m.To = addresses(header, "To")
	m.Cc = addresses(header, "Cc")
	m.Bcc = addresses(header, "Bcc")
	m.ReplyTo = addresses(header, "Reply-To")
}

func addresses(header *gomail.Header, name string) []Address {
	list, _ := header.AddressList(name)
	found := make([]Address, 0, len(list))
	for _, a := range list {
		found = append(found, Address{Name: a.Name, Address: a.Address})
	}
	return found
}

func (m *Message) readParts(reader *gomail.Reader) {
	for number := 1; ; number++ {
		part, err := reader.NextPart()
		if part == nil || (err != nil && part.Body == nil) {
			return // the end, or damage that hides the rest
		}
		body, _ := io.ReadAll(part.Body) // a damaged part shows what can be read
		switch header := part.Header.(type) {
		case *gomail.InlineHeader:
			contentType, params, _ := header.ContentType()
			switch contentType {
			case "text/html":
				m.HTML += valid(body)
			case "text/plain", "":
				m.Text += valid(body)
			default:
				m.Inline = append(m.Inline, Attachment{
					PartID:      fmt.Sprint(number),
					FileName:    params["name"],
					ContentType: contentType,
					ContentID:   strings.Trim(header.Get("Content-Id"), "<>"),
					Size:        len(body),
				})
			}
		case *gomail.AttachmentHeader:
			contentType, _, _ := header.ContentType()
			name, _ := header.Filename()
			m.Attachments = append(m.Attachments, Attachment{
				PartID: fmt.Sprint(number), FileName: name, ContentType: contentType, Size: len(body),
			})
		}
	}
}

func valid(text []byte) string { return strings.ToValidUTF8(string(text), "�") }

// addHiddenRecipients shows as Bcc who got the mail without being named in it.
func (m *Message) addHiddenRecipients(recipients []string) {
	for _, recipient := range recipients {
		if !has(m.To, recipient) && !has(m.Cc, recipient) && !has(m.Bcc, recipient) {
			m.Bcc = append(m.Bcc, Address{Address: recipient})
		}
	}
}

func has(list []Address, address string) bool {
	for _, a := range list {
		if strings.EqualFold(a.Address, address) {
			return true
		}
	}
	return false
}

// String is "Name <address>", or the address alone.
func (a Address) String() string {
	if a.Name == "" {
		return a.Address
	}
	return a.Name + " <" + a.Address + ">"
}

func join(list []Address) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}

const snippetRunes = 200

// snippet is the beginning of the text in one line.
func (m *Message) snippet() string {
	text := m.Text
	if text == "" {
		text = visibleText(m.HTML)
	}
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= snippetRunes {
		return text
	}
	return string([]rune(text)[:snippetRunes]) + "…"
}

var (
	hiddenElements = regexp.MustCompile(`(?is)<(style|script|head|title)\b.*?</(style|script|head|title)>|<!--.*?-->`)
	tags           = regexp.MustCompile(`(?s)<[^>]*>`)
)

// visibleText is a rough text of a page, good enough to search and preview.
func visibleText(page string) string {
	return html.UnescapeString(tags.ReplaceAllString(hiddenElements.ReplaceAllString(page, " "), " "))
}
