package identity

import (
	"context"
	"errors"
	"log/slog"

	"vestibule.dev/pkg/service"
	"vestibule.dev/services/identity/internal/events"
	"vestibule.dev/services/identity/internal/postgres"
)

// sealConfig is the command that seals the secrets in all stored configurations,
// once in an installation from before they were sealed. It may be repeated and
// interrupted.
func sealConfig(ctx context.Context, p *service.Platform, args []string) error {
	if len(args) > 0 {
		return errors.New("usage: identity seal-config")
	}
	written, err := postgres.NewStore(p.DB, nil, p.Box, events.Encode).ResealOverrides(ctx)
	p.Logger.InfoContext(ctx, "sealed the secrets of configurations", slog.Int("documents", written))
	return err
}
