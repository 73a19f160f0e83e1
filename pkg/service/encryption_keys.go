package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/rewrap"
	"vestibule.dev/pkg/secret"
)

// encryptionKeys tells under which keys values are sealed, or puts all under the
// first one of the ring, after which the others may be dropped. It needs the
// database and the ring, and nothing else.
func (c Command) encryptionKeys(ctx context.Context, out io.Writer, args []string) error {
	if len(args) != 1 || args[0] != "status" && args[0] != "rewrap" {
		return errors.New("usage: encryption-keys status | encryption-keys rewrap")
	}
	var cfg struct {
		EncryptionKeys secret.Secret `env:"ENCRYPTION_KEYS,required"`
	}
	if err := Load(c.Name, &cfg); err != nil {
		return err
	}
	ring, err := secret.ParseKeyRing(cfg.EncryptionKeys)
	if err != nil {
		return fmt.Errorf("%sENCRYPTION_KEYS: %w", prefix(c.Name), err)
	}
	box := secret.NewBox(ring)
	return c.withDB(ctx, func(ctx context.Context, db *pg.DB) error {
		if args[0] == "status" {
			return c.countKeys(ctx, out, db, ring, box)
		}
		var failed error
		for _, column := range c.Sealed {
			changed, err := rewrap.Run(ctx, db, box, column)
			if _, writeErr := fmt.Fprintf(out, "%s: %d put under key %s\n", column, changed, ring.CurrentID()); writeErr != nil {
				return writeErr
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			failed = errors.Join(failed, err)
		}
		if failed != nil {
			return failed
		}
		_, err := fmt.Fprintf(out, "0 values are left under other keys than %s\n", ring.CurrentID())
		return err
	})
}

// countKeys prints a line for each key of the ring, in its order, and for each
// that is missing there.
func (c Command) countKeys(ctx context.Context, out io.Writer, db *pg.DB, ring *secret.KeyRing, box *secret.Box) error {
	readable, unreadable := map[string][]string{}, map[string][]string{}
	totals, lost := map[string]int64{}, map[string]int64{}
	for _, column := range c.Sealed {
		census, err := rewrap.Count(ctx, db, box, column)
		if err != nil {
			return err
		}
		for id, n := range census.Keys {
			totals[id] += n
			readable[id] = append(readable[id], fmt.Sprintf("%s %d", column, n))
		}
		for id, n := range census.Unreadable {
			lost[id] += n
			unreadable[id] = append(unreadable[id], fmt.Sprintf("%s %d", column, n))
		}
	}
	var lines []string
	for i, id := range ring.IDs() {
		note := ""
		if i == 0 {
			note = " (current)"
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("key %s%s: %d values %s", id, note, totals[id], strings.Join(readable[id], ", ")), " "))
	}
	for _, id := range slices.Sorted(maps.Keys(lost)) {
		lines = append(lines, fmt.Sprintf("not to be opened, said to be under key %q: %d values %s", id, lost[id], strings.Join(unreadable[id], ", ")))
	}
	_, err := fmt.Fprintln(out, strings.Join(lines, "\n"))
	return err
}
