// Package payments is the payments context: products, items and purchases.
package payments

import (
	"context"

	"vestibule.dev/pkg/service"
)

// Command describes the binary of this context.
func Command() service.Command {
	return service.Command{Name: "payments", Build: build}
}

// build wires the context. It has no operations of its own yet; the platform
// serves health and relays events.
func build(context.Context, *service.Platform) error { return nil }
