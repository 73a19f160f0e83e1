package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/outbox"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/postgres/db"
)

// tx implements app.Tx.
type tx struct {
	tx      pgx.Tx
	queries *db.Queries
	encode  Encode
}

func (t *tx) CreateCustomer(ctx context.Context, tenant ids.Tenant, customer domain.Customer) (deleted bool, err error) {
	deletedAt, err := t.queries.CreateCustomer(ctx, db.CreateCustomerParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CustomerType: string(customer.Type), CustomerID: customer.ID,
	})
	return deletedAt != nil, err
}

func (t *tx) LockAccount(ctx context.Context, key app.ItemKey) (*app.Account, error) {
	row, err := t.queries.LockItemAccount(ctx, db.LockItemAccountParams{
		ProjectID: key.Tenant.ProjectID, BranchID: key.Tenant.BranchID,
		CustomerType: string(key.Customer.Type), CustomerID: key.Customer.ID, ItemID: key.ItemID,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	account := &app.Account{Version: row.Version}
	account.Account, err = toAccount(row.State)
	return account, err
}

func (t *tx) CreateAccount(ctx context.Context, key app.ItemKey) error {
	state, err := json.Marshal(domain.Account{})
	if err != nil {
		return err
	}
	return t.queries.CreateItemAccount(ctx, db.CreateItemAccountParams{
		ProjectID: key.Tenant.ProjectID, BranchID: key.Tenant.BranchID,
		CustomerType: string(key.Customer.Type), CustomerID: key.Customer.ID, ItemID: key.ItemID, State: state,
	})
}

func (t *tx) ChangeItemQuantity(ctx context.Context, key app.ItemKey, change app.ItemQuantityChange, account *app.Account) error {
	state, err := json.Marshal(account.Account)
	if err != nil {
		return err
	}
	return t.queries.ChangeItemQuantity(ctx, db.ChangeItemQuantityParams{
		ProjectID: key.Tenant.ProjectID, BranchID: key.Tenant.BranchID,
		CustomerType: string(key.Customer.Type), CustomerID: key.Customer.ID, ItemID: key.ItemID,
		Balance: account.Balance().String(), State: state,
		ID: change.ID, Quantity: change.Delta, Description: change.Description, ExpiresAt: change.ExpiresAt, CreatedAt: change.CreatedAt,
	})
}

func (t *tx) Emit(ctx context.Context, events ...app.Event) error {
	envelopes := make([]*eventsv1.Envelope, 0, len(events))
	for _, event := range events {
		envelope, err := t.encode(ctx, event)
		if err != nil {
			return err
		}
		envelopes = append(envelopes, envelope)
	}
	return outbox.Append(ctx, t.tx, envelopes...)
}
