package postgres

import (
	"context"
	"errors"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/postgres/db"
)

// CustomerDeleted implements app.Store.
func (s *Store) CustomerDeleted(ctx context.Context, tenant ids.Tenant, customer domain.Customer) (bool, error) {
	return db.New(s.db.Querier(ctx)).CustomerDeleted(ctx, db.CustomerDeletedParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CustomerType: string(customer.Type), CustomerID: customer.ID,
	})
}

func (t *tx) DeleteCustomer(ctx context.Context, tenant ids.Tenant, customer domain.Customer) error {
	return t.queries.DeleteCustomer(ctx, db.DeleteCustomerParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CustomerType: string(customer.Type), CustomerID: customer.ID,
	})
}

func (t *tx) PurgeProject(ctx context.Context, projectID string) error {
	return errors.Join(
		t.queries.OrderEndingsOfProject(ctx, projectID),
		t.queries.PurgeProject(ctx, projectID),
		onetime.PurgeProject(ctx, t.tx, projectID),
		courier.PurgeProject(ctx, t.tx, projectID),
	)
}

func (t *tx) EnqueueMails(ctx context.Context, tenant ids.Tenant, mails ...app.Mail) error {
	var waiting []courier.Mail
	for _, mail := range mails {
		waiting = append(waiting, courier.Mail{
			ID: ids.NewUUID(), Tenant: tenant, Template: mail.Template, ToUserID: mail.UserID, Variables: mail.Variables, HighPriority: true,
		})
	}
	return courier.Enqueue(ctx, t.tx, t.sealer, waiting...)
}
