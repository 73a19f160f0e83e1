package secret

import "errors"

const (
	minBcryptCost = 4
	maxBcryptCost = 16
	bcryptLength  = 60
)

// Reasons why a bcrypt hash is refused. They do not quote the hash.
var (
	errBcryptForm = errors.New("secret: not a bcrypt hash in modular crypt form ($2a$, $2b$ or $2y$ and 56 characters)")
	errBcryptCost = errors.New("secret: the cost of the bcrypt hash is not between 4 and 16")
)

// ValidateBcryptHash reports why a password hash cannot be imported, or nil: it
// has to be bcrypt in modular crypt form with the prefix $2a$, $2b$ or $2y$ and
// 56 more characters, of a cost of at most 16. The errors have no secret in them.
func ValidateBcryptHash(hash string) error {
	// $2b$10$ and 53 characters of salt and key.
	if len(hash) != bcryptLength || hash[:2] != "$2" || hash[3] != '$' || hash[6] != '$' {
		return errBcryptForm
	}
	switch hash[2] {
	case 'a', 'b', 'y':
	default:
		return errBcryptForm
	}
	if !isDigit(hash[4]) || !isDigit(hash[5]) {
		return errBcryptForm
	}
	for i := 7; i < len(hash); i++ {
		c := hash[i]
		if !isDigit(c) && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '.' && c != '/' {
			return errBcryptForm
		}
	}
	if cost := int(hash[4]-'0')*10 + int(hash[5]-'0'); cost < minBcryptCost || cost > maxBcryptCost {
		return errBcryptCost
	}
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
