package principal

import (
	"context"

	"vestibule.dev/pkg/secret"
)

// Request holds facts about the HTTP request behind a call. They are for
// limits, audit, logs and session records. Unknown facts are empty.
type Request struct {
	// ID identifies the request in answers and logs; 16 characters.
	ID string
	// ClientIP is the address of the client in its canonical text form.
	ClientIP string
	// Country is a two-letter code in upper case.
	Country string
	// Region is the code of a country's subdivision, without the country.
	Region string
	City   string
	// Coordinates is nil when unknown.
	Coordinates *Coordinates
	// Timezone is an IANA name such as "Europe/Zurich".
	Timezone  string
	UserAgent string
	// RefreshToken is the refresh token header. It authenticates nothing by
	// itself and never travels further than the service the gateway called.
	RefreshToken secret.Secret
}

// Coordinates is a place in degrees.
type Coordinates struct{ Latitude, Longitude float64 }

type requestKey struct{}

// NewRequestContext returns a context that carries r.
func NewRequestContext(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, &r)
}

// RequestFromContext returns the facts about the request, or none.
func RequestFromContext(ctx context.Context) Request {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return *r
	}
	return Request{}
}
