package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/postgres/db"
)

// ClaimEndings implements app.Store.
func (s *Store) ClaimEndings(ctx context.Context, count int, lease time.Duration) ([]app.Ending, error) {
	rows, err := db.New(s.db.Querier(ctx)).ClaimEndings(ctx, db.ClaimEndingsParams{Lease: interval(lease), Count: int32(count)})
	return convert(rows, err, func(row db.ClaimEndingsRow) (app.Ending, error) {
		return app.Ending{AccountID: row.AccountID, SubscriptionID: row.StripeSubscriptionID, Attempt: int(row.Attempts)}, nil
	})
}

// FinishEnding implements app.Store.
func (s *Store) FinishEnding(ctx context.Context, ending app.Ending) error {
	return db.New(s.db.Querier(ctx)).FinishEnding(ctx, db.FinishEndingParams{
		AccountID: ending.AccountID, StripeSubscriptionID: ending.SubscriptionID,
	})
}

// PostponeEnding implements app.Store.
func (s *Store) PostponeEnding(ctx context.Context, ending app.Ending, wait time.Duration) error {
	return db.New(s.db.Querier(ctx)).PostponeEnding(ctx, db.PostponeEndingParams{
		AccountID: ending.AccountID, StripeSubscriptionID: ending.SubscriptionID, Attempt: int32(ending.Attempt), Wait: interval(wait),
	})
}

// EndingsStatus tells how many subscriptions of all projects wait for their end
// at the payment provider, and for how long the first of them has.
func (s *Store) EndingsStatus(ctx context.Context) (waiting int64, oldest time.Duration, err error) {
	row, err := db.New(s.db.Querier(ctx)).EndingsStatus(ctx)
	return row.Waiting, time.Duration(row.OldestSeconds) * time.Second, err
}

func (t *tx) OrderEndings(ctx context.Context, accountID string, stripeIDs []string) error {
	return t.queries.OrderEndings(ctx, db.OrderEndingsParams{AccountID: accountID, SubscriptionIds: stripeIDs})
}

func interval(d time.Duration) pgtype.Interval {
	return pgtype.Interval{Microseconds: d.Microseconds(), Valid: true}
}
