package obs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
)

const mask = "***"

// hidden are the attribute names whose value is masked whatever it is, compared
// without case, dashes and underscores. A name that ends in one of them counts
// too.
var hidden = []string{
	"password", "passwd", "secret", "token", "authorization", "cookie", "apikey", "privatekey", "seed",
	"otp", "onetimecode", "verificationcode", "totp", "dsn", "credential", "credentials",
}

// replaceAttr is the last thing that sees an attribute before it is written.
func replaceAttr(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		if hiddenName(a.Key) {
			return slog.String(a.Key, mask)
		}
		a.Value = slog.StringValue(Redact(a.Value.String()))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case *slog.Source, slog.Level:
			return a
		case error:
			a.Value = slog.StringValue(Redact(v.Error()))
		default:
			// Whatever this is, as text it can be searched.
			a.Value = slog.StringValue(Redact(fmt.Sprintf("%+v", v)))
		}
		if hiddenName(a.Key) {
			return slog.String(a.Key, mask)
		}
	case slog.KindInt64, slog.KindUint64:
		if hiddenName(a.Key) { // a numeric code
			return slog.String(a.Key, mask)
		}
	}
	return a
}

func hiddenName(key string) bool {
	name := strings.Map(func(r rune) rune {
		switch {
		case r == '_' || r == '-' || r == '.':
			return -1
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, key)
	for _, suffix := range hidden {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// secretLength is what no identifier of ours reaches and every secret does:
// ids have at most 36 characters, request and trace ids 32, secrets 45.
const secretLength = 40

// Redact returns text with everything masked that has the shape of a secret
// (JWTs, keys, refresh tokens, long codes, the password of a URL) and every
// e-mail address replaced by a hash.
func Redact(text string) string {
	var b strings.Builder
	done := 0 // text[:done] is in b
	replace := func(start, end int, with string) {
		b.WriteString(text[done:start])
		b.WriteString(with)
		done = end
	}
	for i := 0; i < len(text); {
		if !wordByte(text[i]) {
			switch text[i] {
			case ':':
				if end := urlPassword(text, i); end > 0 {
					replace(i+1, end, mask)
					i = end
					continue
				}
			case '@':
				if start, end := address(text, done, i); end > 0 {
					replace(start, end, hashEmail(text[start:end]))
					i = end
					continue
				}
			}
			i++
			continue
		}
		start := i
		for i < len(text) && wordByte(text[i]) {
			i++
		}
		word := text[start:i]
		switch {
		case strings.HasPrefix(word, "eyJ") && len(word) >= 12:
			for i < len(text) && (wordByte(text[i]) || text[i] == '.') {
				i++
			}
			replace(start, i, mask)
		case len(word) >= secretLength && secretWord(word):
			replace(start, i, mask)
		}
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// urlPassword returns where the password of a URL ends if the colon at
// text[colon] separates it from the user, as in postgres://user:password@host.
func urlPassword(text string, colon int) int {
	// No user name is longer, and looking back further at every colon would
	// make long texts expensive.
	from := max(0, colon-128)
	scheme := strings.LastIndex(text[from:colon], "://")
	if scheme < 0 || strings.ContainsAny(text[from+scheme+3:colon], "/ @\"\n") {
		return 0
	}
	rest := text[colon+1:]
	end := strings.IndexAny(rest, "@/ \"\n")
	if end <= 0 || rest[end] != '@' {
		return 0
	}
	return colon + 1 + end
}

// address returns the bounds of the e-mail address around text[at], within
// text[from:], or an end of 0 if there is none.
func address(text string, from, at int) (start, end int) {
	start, end = at, at+1
	for start > from && localByte(text[start-1]) {
		start--
	}
	for end < len(text) && domainByte(text[end]) {
		end++
	}
	for text[end-1] == '.' {
		end-- // the full stop of the sentence
	}
	if start == at || end == at+1 {
		return 0, 0
	}
	return start, end
}

func hashEmail(address string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(address)))
	return "email#" + hex.EncodeToString(sum[:6])
}

// secretWord reports whether a long word holds a long run of random-looking
// letters. Identifiers in stack traces have no digits in such a run.
func secretWord(word string) bool {
	run, digits := 0, 0
	for i := range len(word) {
		switch c := word[i]; {
		case '0' <= c && c <= '9':
			digits++
			run++
		case c == '_' || c == '-':
			run, digits = 0, 0
		default:
			run++
		}
		if run >= secretLength && digits > 0 {
			return true
		}
	}
	return false
}

func wordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

func domainByte(c byte) bool { return wordByte(c) && c != '_' || c == '.' || c >= 0x80 }

// localByte leaves out what addresses may hold but text around them holds far
// more often: quotes, slashes and equals signs.
func localByte(c byte) bool {
	return wordByte(c) || c >= 0x80 || strings.IndexByte(".+!#$%&*?^`{|}~", c) >= 0
}
