package letter

import (
	"strings"
	"time"

	"vestibule.dev/services/notifications/internal/domain/hxtemplate"
)

// MaxRenderTime bounds the making of one letter.
const MaxRenderTime = time.Second

// maxNameLength is how many characters of a name or subject are shown. Names
// are chosen by users and have no upper bound of their own.
const maxNameLength = 200

// Input is what a letter is made of.
type Input struct {
	// Source is an hx-template/1 source, or HTML when Raw is set.
	Source string
	Raw    bool
	// Theme is the source of the theme; empty for none.
	Theme string

	UserDisplayName    *string
	ProjectDisplayName string
	Logos              hxtemplate.Logos
	Variables          map[string]any
	// UnsubscribeLink is empty when the mail needs none.
	UnsubscribeLink string
}

// Letter is a finished mail.
type Letter struct {
	Subject string
	HTML    string
	Text    string
	// Category is the name the template gives, or empty.
	Category string
}

// Render makes a letter. Its errors are of type [hxtemplate.Error], in words
// for the author of template and theme.
func Render(stop hxtemplate.Stop, in Input) (Letter, error) {
	data := hxtemplate.Data{
		ProjectDisplayName: Shorten(hxtemplate.SingleLine(in.ProjectDisplayName), maxNameLength),
		Logos:              in.Logos,
		UnsubscribeLink:    in.UnsubscribeLink,
		Variables:          in.Variables,
	}
	if in.UserDisplayName != nil {
		name := Shorten(hxtemplate.SingleLine(*in.UserDisplayName), maxNameLength)
		data.UserDisplayName = &name
	}
	content, letter, err := content(stop, in, data)
	if err != nil {
		return Letter{}, err
	}
	if letter.HTML, err = frame(stop, in.Theme, content.HTML, data); err != nil {
		return Letter{}, err
	}
	if len(letter.HTML) > hxtemplate.MaxOutput {
		return Letter{}, &hxtemplate.Error{Message: "the mail is too large"}
	}
	letter.Text = PlainText(letter.HTML)
	if content.HasText {
		letter.Text = strings.TrimSpace(content.Text)
		if in.UnsubscribeLink != "" && in.Theme != "" {
			letter.Text += "\n\nUnsubscribe: " + in.UnsubscribeLink
		}
	}
	letter.Subject = Shorten(content.Subject, maxNameLength)
	return letter, nil
}

func content(stop hxtemplate.Stop, in Input, data hxtemplate.Data) (hxtemplate.Output, Letter, error) {
	if in.Raw {
		return hxtemplate.Output{HTML: in.Source}, Letter{}, nil
	}
	template, err := hxtemplate.Parse(in.Source)
	if err != nil {
		return hxtemplate.Output{}, Letter{}, err
	}
	out, err := template.Render(stop, data)
	return out, Letter{Category: template.Category}, err
}

// frame puts the content into the theme.
func frame(stop hxtemplate.Stop, source, content string, data hxtemplate.Data) (string, error) {
	if source == "" {
		return "<!doctype html>\n<html>\n<head><meta charset=\"utf-8\"></head>\n<body>\n" + content + "\n</body>\n</html>\n", nil
	}
	theme, err := hxtemplate.ParseTheme(source)
	if err != nil {
		return "", err
	}
	data.Children, data.Variables = content, nil
	out, err := theme.Render(stop, data)
	return out.HTML, err
}

// Shorten cuts a text to a number of characters, the ellipsis included.
func Shorten(s string, limit int) string {
	if len(s) <= limit { // bytes, and there are no more characters than bytes
		return s
	}
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return strings.TrimRight(string(runes[:limit-1]), " ") + "…"
}
