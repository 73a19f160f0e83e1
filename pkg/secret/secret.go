package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// mask is what every printed form of a secret shows.
const mask = "***"

// Secret is a string that prints as *** in every format, log and JSON text.
// [Secret.Reveal] and conversion to string are the only ways to the value. It
// reads itself from environment variables and JSON.
//
// Package fmt cannot see methods of unexported struct fields: keep secrets in
// exported fields, or give the struct around them a String method.
type Secret string

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }

// String returns ***.
func (s Secret) String() string { return mask }

// GoString returns ***.
func (s Secret) GoString() string { return mask }

// Format prints *** whatever the verb; without it, a wrong verb such as %d
// would print the value.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) }

// MarshalJSON returns "***".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + mask + `"`), nil }

// MarshalText returns ***.
func (s Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// LogValue logs ***.
func (s Secret) LogValue() slog.Value { return slog.StringValue(mask) }

// UnmarshalText takes text as the value.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}
