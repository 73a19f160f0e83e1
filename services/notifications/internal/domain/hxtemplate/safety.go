package hxtemplate

import (
	"strings"
	"unicode"
)

// safeURL returns the URL, or # when following it could do anything but open a
// page or write a mail.
func safeURL(raw string) string {
	// Browsers ignore these wherever they stand.
	cleaned := strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, raw))
	lowered := strings.ToLower(cleaned)
	for _, prefix := range []string{"http://", "https://", "mailto:", "#"} {
		if strings.HasPrefix(lowered, prefix) {
			return cleaned
		}
	}
	return "#"
}

// Printable removes what has no place in a value: control characters other
// than tab and line feed, and the marks by which a name could turn the text
// around it backwards (UAX #9).
func Printable(s string) string {
	clean := true
	for _, r := range s {
		if forbidden(r) || r == unicode.ReplacementChar {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		if forbidden(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

func forbidden(r rune) bool {
	switch {
	case r == '\t' || r == '\n':
		return false
	case unicode.Is(unicode.Cc, r):
		return true
	case unicode.Is(unicode.Bidi_Control, r):
		return true
	case r == '\u2028' || r == '\u2029' || r == '\ufeff':
		return true
	}
	return false
}

// SingleLine makes a text fit for a header: printable and on one line.
func SingleLine(s string) string { return strings.Join(strings.Fields(Printable(s)), " ") }
