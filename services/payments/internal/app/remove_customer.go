package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// RemoveCustomer remembers that a user or team is gone: nothing is sold or given
// to them any more. What they bought stays on the books. Repeating it has no
// effect.
func (a *App) RemoveCustomer(ctx context.Context, tenant ids.Tenant, customer domain.Customer) error {
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error { return tx.DeleteCustomer(ctx, tenant, customer) })
}
