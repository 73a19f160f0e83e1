package onetime

import (
	"strings"
	"unicode/utf8"

	"vestibule.dev/pkg/ids"
)

// Length is the number of characters of a code, and typedLength how many of
// them a person types; the nonce follows.
const (
	Length      = ids.SecretLength
	typedLength = 6
)

// split returns the submitted code as it is stored, in lower case, and its
// nonce. It reports false for text whose nonce no code can have. The typed
// part may be anything: a wrong guess counts as an attempt, also one with
// characters that codes do not use.
func split(text string) (code, nonce string, ok bool) {
	if utf8.RuneCountInString(text) != Length {
		return "", "", false
	}
	code = strings.ToLower(text)
	cut := 0
	for range typedLength {
		_, size := utf8.DecodeRuneInString(code[cut:])
		cut += size
	}
	nonce = code[cut:]
	if len(nonce) != Length-typedLength || strings.Trim(nonce, ids.Alphabet) != "" {
		return "", "", false
	}
	return code, nonce, true
}
