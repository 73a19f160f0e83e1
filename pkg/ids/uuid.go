package ids

import "github.com/google/uuid"

// Nil is the UUID of zeros, which counts as valid and names nothing.
const Nil = "00000000-0000-0000-0000-000000000000"

// NewUUID returns a random UUID of version 4 in lower case, for every id a
// caller of the API sees.
func NewUUID() string { return uuid.NewString() }

// Ordered returns a UUID of version 7 in lower case: later calls of one process
// sort after earlier ones. For rows that never leave the service; [ValidUUID]
// refuses it, as SDKs do.
func Ordered() string { return uuid.Must(uuid.NewV7()).String() }

// ValidUUID reports whether s is what the API contract calls a UUID: five
// groups of 8-4-4-4-12 hexadecimal digits of either case with a version digit
// of 1 to 5 and a variant digit of 8, 9, a or b, or the nil UUID.
func ValidUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !isHex(s[i]) {
				return false
			}
		}
	}
	if s == Nil {
		return true
	}
	if s[14] < '1' || s[14] > '5' {
		return false
	}
	switch s[19] {
	case '8', '9', 'a', 'b', 'A', 'B':
		return true
	}
	return false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
