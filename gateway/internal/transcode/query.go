package transcode

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// param is one query parameter or form field.
type param struct{ name, value string }

// parseForm decodes application/x-www-form-urlencoded text the way browsers
// do: it cannot fail, a broken escape stays literal, bad UTF-8 becomes U+FFFD
// and the last of several equal names wins. max bounds the number of names.
func parseForm(text string, max int) (params []param, ok bool) {
	seen := map[string]int{}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, val, _ := strings.Cut(pair, "=")
		p := param{unescapeForm(name), unescapeForm(val)}
		if i, dup := seen[p.name]; dup {
			params[i] = p
			continue
		}
		if len(params) == max {
			return nil, false
		}
		seen[p.name] = len(params)
		params = append(params, p)
	}
	return params, true
}

func unescapeForm(s string) string {
	if !strings.ContainsAny(s, "%+") && utf8.ValidString(s) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			b = append(b, ' ')
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// objectOf turns parameters into an object of strings.
func objectOf(params []param) value {
	v := value{kind: kindObject, members: slices.Grow([]member(nil), len(params))}
	for _, p := range params {
		item := stringValue(p.value)
		if strings.IndexByte(p.name, 0) >= 0 {
			v.hostile = hostileNUL
		}
		if item.hostile != "" {
			v.hostile = item.hostile
		}
		v.members = append(v.members, member{p.name, item})
	}
	return v
}
