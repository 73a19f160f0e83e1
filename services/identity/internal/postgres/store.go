package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/pg"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// Encode turns an event into its published form.
type Encode func(ctx context.Context, event app.Event) (*eventsv1.Envelope, error)

// Store implements app.Store.
type Store struct {
	db *pg.DB
	outlets
}

// outlets are what leaves with a transaction beside its rows.
type outlets struct {
	codes  *onetime.Codes
	sealer courier.Sealer
	encode Encode
}

// NewStore returns a Store that issues codes, queues mail under the sealer, and
// publishes events through the outbox in the form encode gives them.
func NewStore(database *pg.DB, codes *onetime.Codes, sealer courier.Sealer, encode Encode) *Store {
	return &Store{db: database, outlets: outlets{codes: codes, sealer: sealer, encode: encode}}
}

// RunTx implements app.Store.
func (s *Store) RunTx(ctx context.Context, fn func(ctx context.Context, tx app.Tx) error) error {
	return s.db.RunTx(ctx, func(ctx context.Context, pgxTx pgx.Tx) error {
		return fn(ctx, &tx{tx: pgxTx, queries: db.New(pgxTx), outlets: s.outlets})
	})
}

// queries reads through the ambient transaction or the pool.
func (s *Store) queries(ctx context.Context) *db.Queries {
	return db.New(s.db.Querier(ctx))
}

// found turns a query for one row into an answer of nil when there is none.
func found[Row, Value any](row Row, err error, convert func(Row) (*Value, error)) (*Value, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return convert(row)
}
