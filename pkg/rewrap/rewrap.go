package rewrap

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/secret"
)

// Rows that others have locked are tried again after a pause, and given up when
// nothing could be done for maxIdle times.
const (
	pause   = time.Second
	maxIdle = 60
)

// Census tells what is in a column.
type Census struct {
	Column Column
	// Keys counts the values that the ring opens, by the id of their key.
	Keys map[string]int64
	// Unreadable counts the others, by the id of the key they say they are
	// under; values that are no sealed ones have the id "".
	Unreadable map[string]int64
	// Reason is why one of those cannot be opened.
	Reason error
}

// Count looks at all values of a column. The context has to be for all projects.
func Count(ctx context.Context, db *pg.DB, box *secret.Box, column Column) (Census, error) {
	census := Census{Column: column, Keys: map[string]int64{}, Unreadable: map[string]int64{}}
	err := column.ranges(ctx, db, func(from, to string) error {
		rows, err := db.Querier(ctx).Query(ctx, column.selection(), from, to)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[value])
		if err != nil {
			return err
		}
		for _, v := range found {
			if _, err := column.replace(v.Read, func(sealed []byte) []byte {
				id, _ := secret.KeyID(sealed)
				if _, _, err := box.Rewrap(sealed); err != nil {
					census.Unreadable[id]++
					census.Reason = err
				} else {
					census.Keys[id]++
				}
				return sealed
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Census{}, fmt.Errorf("rewrap: count %s: %w", column, err)
	}
	return census, nil
}

// Run puts all values of a column under the current key of the ring and returns
// how many it has changed. The context has to be for all projects.
//
// It works in short transactions, each on a few blocks of the table, and takes
// no row from anybody: it may run beside the traffic, be ended at any moment and
// be repeated. Values that the ring cannot open are left as they are and
// reported as an error after all others have been done.
func Run(ctx context.Context, db *pg.DB, box *secret.Box, column Column) (changed int64, err error) {
	for idle := 0; ; {
		n, err := column.pass(ctx, db, box)
		changed += n
		if err != nil {
			return changed, fmt.Errorf("rewrap: %s: %w", column, err)
		}
		census, err := Count(ctx, db, box, column)
		if err != nil {
			return changed, err
		}
		var left int64
		for id, values := range census.Keys {
			if id != box.CurrentID() {
				left += values
			}
		}
		if left == 0 {
			return changed, census.unreadable()
		}
		if n > 0 {
			idle = 0
			continue
		}
		if idle++; idle == maxIdle {
			return changed, fmt.Errorf("rewrap: %s: %d values are in rows that others have locked; run it again", column, left)
		}
		select {
		case <-ctx.Done():
			return changed, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// unreadable tells of values that cannot be opened, or returns nil.
func (c Census) unreadable() error {
	var n int64
	for _, values := range c.Unreadable {
		n += values
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("rewrap: %s: the ring cannot open %d values, which are left as they are: %w", c.Column, n, c.Reason)
}

// value is what is read of one.
type value struct {
	// Place is where its row is.
	Place string
	Read  []byte
}

// pass goes once through the table.
func (c Column) pass(ctx context.Context, db *pg.DB, box *secret.Box) (changed int64, err error) {
	err = c.ranges(ctx, db, func(from, to string) error {
		var n int64
		err := db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			n = 0
			rows, err := tx.Query(ctx, c.outdated(), from, to, box.Header())
			if err != nil {
				return err
			}
			found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[value])
			if err != nil {
				return err
			}
			var batch pgx.Batch
			for _, v := range found {
				rewrapped, err := c.replace(v.Read, func(sealed []byte) []byte {
					if out, _, err := box.Rewrap(sealed); err == nil {
						return out
					}
					return sealed // Count tells of it
				})
				if err != nil {
					return err
				}
				if !bytes.Equal(rewrapped, v.Read) {
					batch.Queue(c.update(), rewrapped, v.Read, v.Place).Exec(func(tag pgconn.CommandTag) error {
						n += tag.RowsAffected()
						return nil
					})
				}
			}
			if batch.Len() == 0 {
				return nil
			}
			return tx.SendBatch(ctx, &batch).Close()
		})
		if err == nil {
			changed += n
		}
		return err
	})
	return changed, err
}

// ranges calls do for a few blocks of the table after the other, from its
// beginning to where its end is now.
func (c Column) ranges(ctx context.Context, db *pg.DB, do func(from, to string) error) error {
	var blocks int64
	if err := db.Querier(ctx).QueryRow(ctx,
		"SELECT pg_relation_size($1::text::regclass) / current_setting('block_size')::int", c.table()).Scan(&blocks); err != nil {
		return err
	}
	place := func(block int64) string { return fmt.Sprintf("(%d,0)", block) }
	for block := int64(0); block < blocks; block += c.blocks() {
		if err := do(place(block), place(block+c.blocks())); err != nil {
			return err
		}
	}
	return nil
}
