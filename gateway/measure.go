package gateway

import (
	"context"
	"errors"

	"vestibule.dev/gateway/internal/edge"
	"vestibule.dev/gateway/internal/transcode"
	"vestibule.dev/pkg/obs"
)

// measure makes the instruments of what limits the gateway.
func measure(t *obs.Telemetry, maxInFlight int, load *edge.Load, limiter *edge.Limiter, bodies *transcode.BodyReader) error {
	const (
		inFlight = "vestibule.requests.in_flight"
		limit    = "vestibule.requests.in_flight.limit"
		used     = "vestibule.bodies.bytes"
		budget   = "vestibule.bodies.bytes.limit"
		shed     = "vestibule.requests.shed"
		limited  = "vestibule.requests.rate_limited"
	)
	return errors.Join(
		obs.Gauges(t, "limits", map[string]string{
			inFlight: "Requests worked on now.",
			limit:    "Requests that may be worked on at a time.",
			used:     "Memory that large request bodies hold.",
			budget:   "Memory that large request bodies may hold.",
		}, func(context.Context) (map[string]float64, error) {
			return map[string]float64{
				inFlight: float64(load.InFlight()), limit: float64(maxInFlight),
				used: float64(bodies.Used()), budget: float64(bodies.Limit()),
			}, nil
		}),
		obs.Counters(t, "refusals", map[string]string{
			shed:    "Requests refused because too many were worked on.",
			limited: "Requests refused because their caller, or their project, sent too many.",
		}, func(context.Context) (map[string]float64, error) {
			return map[string]float64{shed: float64(load.Shed()), limited: float64(limiter.Refused())}, nil
		}),
	)
}
