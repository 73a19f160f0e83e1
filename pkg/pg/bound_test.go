package pg_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
)

// lengths reads as many rows as the statement has and tells how long they are.
func lengths(ctx context.Context, querier pg.Querier, sql string, args ...any) ([]int, error) {
	rows, err := querier.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (int, error) {
		var text string
		err := row.Scan(&text)
		return len(text), err
	})
}

func TestBound_moreThanFits_isRefusedAndNotReadOn(t *testing.T) {
	db, ctx := pgtest.Open(t, pgtest.URL(t, schema), 1), t.Context()
	const many = "SELECT repeat('x', 1000) FROM (SELECT generate_series(1, $1::bigint)) AS endless"
	bounded := pg.Bound(ctx, 10_000)
	for range 2 {
		// To read to the end of these would take for ever.
		if got, err := lengths(bounded, db.Querier(bounded), many, int64(1e12)); !errors.Is(err, apierr.AnswerTooLarge()) || got != nil {
			t.Fatalf("a terabyte: %d rows, %v", len(got), err)
		}
		// The only connection works, or there is another.
		if got, err := lengths(bounded, db.Querier(bounded), many, 10); err != nil || len(got) != 10 {
			t.Errorf("what fits: %v, %v", got, err)
		}
	}
	if got, err := lengths(bounded, db.Querier(bounded), many, 11); !errors.Is(err, apierr.AnswerTooLarge()) {
		t.Errorf("one row more: %v, %v", got, err)
	}
	if got, err := lengths(ctx, db.Querier(ctx), many, 11); err != nil || len(got) != 11 {
		t.Errorf("without a bound: %v, %v", got, err)
	}
}

func TestBound_oneRow_mayBeLonger(t *testing.T) {
	db := pgtest.New(t, schema)
	ctx := pg.Bound(t.Context(), 10)
	long := strings.Repeat("x", 1000)
	if got, err := lengths(ctx, db.Querier(ctx), "SELECT $1::text", long); err != nil || fmt.Sprint(got) != "[1000]" {
		t.Errorf("rows %v, %v", got, err)
	}
	var text string
	if err := db.Querier(ctx).QueryRow(ctx, "SELECT $1::text FROM generate_series(1, 3)", long).Scan(&text); err != nil || text != long {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestBound_transaction_readsWhatItNeeds(t *testing.T) {
	db := pgtest.New(t, schema)
	ctx := pg.Bound(t.Context(), 10)
	err := db.RunTx(ctx, func(ctx context.Context, _ pgx.Tx) error {
		got, err := lengths(ctx, db.Querier(ctx), "SELECT repeat('x', 1000) FROM generate_series(1, 3)")
		if len(got) != 3 {
			t.Errorf("rows %v", got)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
