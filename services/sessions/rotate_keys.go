package sessions

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"vestibule.dev/pkg/service"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
	"vestibule.dev/services/sessions/internal/events"
	"vestibule.dev/services/sessions/internal/keyring"
	"vestibule.dev/services/sessions/internal/postgres"
)

// rotateKeys rotates signing keys before they are due. With --compromised it
// withdraws both keys of an audience at once instead.
func rotateKeys(ctx context.Context, p *service.Platform, args []string) error {
	flags := flag.NewFlagSet("rotate-keys", flag.ContinueOnError)
	name := flags.String("audience", "", "audience such as <project id>:anon; all when left out")
	compromised := flags.Bool("compromised", false, "withdraw the keys of the audience at once; its access tokens become invalid")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *compromised && *name == "" {
		return errors.New("usage: rotate-keys [--audience AUDIENCE [--compromised]]")
	}
	cfg, err := loadConfig(p)
	if err != nil {
		return err
	}
	keys := keyring.New(cfg.KeyCache)
	application := app.New(settings(cfg, p), app.Deps{
		Store: postgres.NewStore(p.DB, p.Box, events.Encode), Keys: keys, Clock: p.Clock,
	})
	if *name == "" {
		taken, err := application.RotateAllKeys(ctx, true)
		p.Logger.InfoContext(ctx, "signing keys rotated", "audiences", taken[domain.RotateKeys], "too_early", taken[domain.KeepKeys])
		return err
	}
	audience, ok := domain.ParseAudience(*name)
	if !ok {
		return fmt.Errorf("%q is not an audience", *name)
	}
	if *compromised {
		return application.RevokeKeys(ctx, audience)
	}
	step, err := application.RotateKeys(ctx, audience, true)
	if err == nil && step != domain.RotateKeys {
		rotation := cfg.Settings("").Rotation
		err = fmt.Errorf("the keys of %s cannot rotate yet: a key is published %v before it signs, and %v after it last did",
			audience, rotation.Ahead, rotation.Keep)
	}
	return err
}
