package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/throttle"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
	"vestibule.dev/services/teams/internal/postgres/db"
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

// UserDeleted implements app.Store.
func (s *Store) UserDeleted(ctx context.Context, tenant ids.Tenant, userID string) (bool, error) {
	return s.queries(ctx).UserDeleted(ctx, db.UserDeletedParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID})
}

// TakeToken implements app.RateStore.
func (s *Store) TakeToken(ctx context.Context, key string, rate app.Rate) (bool, error) {
	ok, _, err := throttle.Allow(ctx, s.db, key, throttle.Limit{Burst: rate.Burst, Period: rate.Period})
	return ok, err
}

// found turns a query for one row into an answer of nil when there is none.
func found[Row, Value any](row Row, err error, convert func(Row) Value) (*Value, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	value := convert(row)
	return &value, nil
}

// all converts the rows of a list.
func all[Row, Value any](rows []Row, err error, convert func(Row) Value) ([]Value, error) {
	if err != nil {
		return nil, err
	}
	values := make([]Value, 0, len(rows))
	for _, row := range rows {
		values = append(values, convert(row))
	}
	return values, nil
}

func toTeam(row db.Team) domain.Team {
	return domain.Team{
		Tenant:                 ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID},
		ID:                     row.ID,
		DisplayName:            row.DisplayName,
		ProfileImageURL:        row.ProfileImageUrl,
		ClientMetadata:         row.ClientMetadata,
		ClientReadOnlyMetadata: row.ClientReadOnlyMetadata,
		ServerMetadata:         row.ServerMetadata,
		Version:                row.Version,
		CreatedAt:              row.CreatedAt,
	}
}
