package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// HashToken returns the SHA-256 of a token, under which it is stored and looked
// up. It is only for tokens of full entropy, such as ids.Secret makes: for
// typed codes and anything a person chose it would be reversible by trying.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// HMAC returns the HMAC-SHA-256 of a list of strings under key. The domain names
// the use ("otp code", "cursor"), so that a value made for one use is worth
// nothing in another even with the same key; lists that differ only in where one
// string ends and the next begins give different values.
func HMAC(key []byte, domain string, parts ...string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(join([]string{domain}))
	mac.Write(join(parts))
	return mac.Sum(nil)
}

// EqualMAC compares two values of [HMAC] or [HashToken] in constant time.
func EqualMAC(a, b []byte) bool { return hmac.Equal(a, b) }

// join encodes a list of strings so that different lists never collide.
func join(parts []string) []byte {
	var out []byte
	for _, p := range parts {
		out = binary.AppendUvarint(out, uint64(len(p)))
		out = append(out, p...)
	}
	return out
}
