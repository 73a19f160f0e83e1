package app

import (
	"context"
	"strings"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// stripeCustomer returns the id of a customer at the provider, and creates them
// there unless they exist (payments.md §9.2).
func (a *App) stripeCustomer(ctx context.Context, tenant ids.Tenant, accountID string, customer domain.Customer) (string, error) {
	customerID, err := a.stripe.FindCustomer(ctx, accountID, customer)
	if err != nil || customerID != "" {
		return customerID, err
	}
	key := strings.Join([]string{"customer", tenant.ProjectID, tenant.BranchID, string(customer.Type), customer.ID}, "/")
	return a.stripe.CreateCustomer(ctx, accountID, key, customer)
}

// CustomerMetadata is what the provider remembers of a customer.
func CustomerMetadata(customer domain.Customer) map[string]string {
	return map[string]string{metaCustomerID: customer.ID, metaCustomerType: strings.ToUpper(string(customer.Type))}
}

// customerOf reads whom metadata means; ok is false if it means nobody.
func customerOf(metadata map[string]string) (customer domain.Customer, ok bool) {
	customer = domain.Customer{Type: domain.CustomerType(strings.ToLower(metadata[metaCustomerType])), ID: metadata[metaCustomerID]}
	switch customer.Type {
	case domain.CustomerUser, domain.CustomerTeam, domain.CustomerCustom:
		return customer, customer.ID != ""
	}
	return customer, false
}
