package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/onetime"
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
	codes   *onetime.Codes
	sealer  courier.Sealer
	encode  Encode
}

func (t *tx) LockCustomer(ctx context.Context, tenant ids.Tenant, customer domain.Customer) (deleted bool, err error) {
	deletedAt, err := t.queries.LockCustomer(ctx, db.LockCustomerParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CustomerType: string(customer.Type), CustomerID: customer.ID,
	})
	return deletedAt != nil, err
}

func (t *tx) LockAccount(ctx context.Context, key app.ItemKey) (account *app.Account, gone bool, err error) {
	row, err := t.queries.LockItemAccount(ctx, db.LockItemAccountParams{
		ProjectID: key.Tenant.ProjectID, BranchID: key.Tenant.BranchID,
		CustomerType: string(key.Customer.Type), CustomerID: key.Customer.ID, ItemID: key.ItemID,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	account = &app.Account{Version: row.Version}
	account.Account, err = toAccount(row.State)
	return account, row.DeletedAt != nil, err
}

func (t *tx) OpenAccounts(ctx context.Context, tenant ids.Tenant, customer domain.Customer, itemIDs []string) (map[string]*app.Account, error) {
	if len(itemIDs) == 0 {
		return nil, nil
	}
	state, err := json.Marshal(domain.Account{})
	if err != nil {
		return nil, err
	}
	if err := t.queries.CreateItemAccounts(ctx, db.CreateItemAccountsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID,
		CustomerType: string(customer.Type), CustomerID: customer.ID, ItemIds: itemIDs, State: state,
	}); err != nil {
		return nil, err
	}
	rows, err := t.queries.LockItemAccounts(ctx, db.LockItemAccountsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID,
		CustomerType: string(customer.Type), CustomerID: customer.ID, ItemIds: itemIDs,
	})
	if err != nil {
		return nil, err
	}
	accounts := make(map[string]*app.Account, len(rows))
	for _, row := range rows {
		account := &app.Account{Version: row.Version}
		if account.Account, err = toAccount(row.State); err != nil {
			return nil, err
		}
		accounts[row.ItemID] = account
	}
	return accounts, nil
}

func (t *tx) WriteAccounts(ctx context.Context, tenant ids.Tenant, customer domain.Customer, accounts map[string]*app.Account) error {
	if len(accounts) == 0 {
		return nil
	}
	params := db.WriteItemAccountsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CustomerType: string(customer.Type), CustomerID: customer.ID,
	}
	for itemID, account := range accounts {
		state, err := json.Marshal(account.Account)
		if err != nil {
			return err
		}
		params.ItemIds = append(params.ItemIds, itemID)
		params.Balances = append(params.Balances, account.Balance().String())
		params.States = append(params.States, string(state))
		params.Versions = append(params.Versions, account.Version)
	}
	return t.queries.WriteItemAccounts(ctx, params)
}

func (t *tx) ItemQuantityChanges(ctx context.Context, key app.ItemKey) ([]domain.Change, error) {
	rows, err := t.queries.ItemQuantityChanges(ctx, db.ItemQuantityChangesParams{
		ProjectID: key.Tenant.ProjectID, BranchID: key.Tenant.BranchID,
		CustomerType: string(key.Customer.Type), CustomerID: key.Customer.ID, ItemID: key.ItemID,
	})
	if err != nil {
		return nil, err
	}
	changes := make([]domain.Change, 0, len(rows))
	for _, row := range rows {
		changes = append(changes, domain.Change{At: row.CreatedAt, Quantity: domain.Int(row.Quantity), ExpiresAt: row.ExpiresAt})
	}
	return changes, nil
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
