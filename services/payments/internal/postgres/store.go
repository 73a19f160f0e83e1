package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/pg"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/postgres/db"
)

// Encode turns an event into its published form.
type Encode func(ctx context.Context, event app.Event) (*eventsv1.Envelope, error)

// Store implements app.Store.
type Store struct {
	db     *pg.DB
	codes  *onetime.Codes
	sealer courier.Sealer
	encode Encode
}

// NewStore returns a Store that publishes events through the outbox in the
// form encode gives them, and seals waiting mails.
func NewStore(database *pg.DB, codes *onetime.Codes, sealer courier.Sealer, encode Encode) *Store {
	return &Store{db: database, codes: codes, sealer: sealer, encode: encode}
}

// RunTx implements app.Store.
func (s *Store) RunTx(ctx context.Context, fn func(ctx context.Context, tx app.Tx) error) error {
	return s.db.RunTx(ctx, func(ctx context.Context, pgxTx pgx.Tx) error {
		return fn(ctx, &tx{tx: pgxTx, queries: db.New(pgxTx), codes: s.codes, sealer: s.sealer, encode: s.encode})
	})
}

// ItemAccount implements app.Store.
func (s *Store) ItemAccount(ctx context.Context, key app.ItemKey) (domain.Account, app.CustomerState, error) {
	row, err := db.New(s.db.Querier(ctx)).ItemAccount(ctx, db.ItemAccountParams{
		ProjectID: key.Tenant.ProjectID, BranchID: key.Tenant.BranchID,
		CustomerType: string(key.Customer.Type), CustomerID: key.Customer.ID, ItemID: key.ItemID,
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return domain.Account{}, app.CustomerUnknown, nil
	case err != nil:
		return domain.Account{}, app.CustomerUnknown, err
	case row.DeletedAt != nil:
		return domain.Account{}, app.CustomerDeleted, nil
	case row.State == nil:
		return domain.Account{}, app.CustomerKnown, nil
	}
	account, err := toAccount(row.State)
	return account, app.CustomerKnown, err
}

func toAccount(state []byte) (account domain.Account, err error) {
	if err := json.Unmarshal(state, &account); err != nil {
		return account, fmt.Errorf("read stored account: %w", err)
	}
	return account, nil
}
