package ids

import "crypto/rand"

// Alphabet is the lower-case Crockford base 32 alphabet of all random strings.
const Alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const (
	// SecretLength is the length of secrets and codes: 225 random bits.
	SecretLength = 45
	// RequestIDLength is the length of request ids: 80 random bits.
	RequestIDLength = 16
)

// Secret returns 45 random characters for refresh tokens, one-time codes and
// the bodies of keys.
func Secret() string { return random(SecretLength) }

// RequestID returns 16 random characters.
func RequestID() string { return random(RequestIDLength) }

// ValidSecret reports whether s could have been made by [Secret].
func ValidSecret(s string) bool { return len(s) == SecretLength && isBase32(s) }

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	for i, c := range b {
		// 256 is a multiple of 32, so the low five bits are unbiased.
		b[i] = Alphabet[c&31]
	}
	return string(b)
}

func isBase32(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c == 'i' || c == 'l' || c == 'o' || c == 'u':
			return false
		case '0' <= c && c <= '9' || 'a' <= c && c <= 'z':
		default:
			return false
		}
	}
	return true
}
