package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/payments/internal/domain"
)

// SubscriptionSwitch says which subscription becomes which.
type SubscriptionSwitch struct {
	Customer               domain.Customer
	FromProduct, ToProduct string
	// PriceID is nil for the first recurring price, Quantity for as before.
	PriceID  *string
	Quantity *int64
}

// SwitchSubscription turns a subscription at the provider into one to another
// product of the line, charged to the stored card (payments.md §7.4).
func (a *App) SwitchSubscription(ctx context.Context, in SubscriptionSwitch) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	_, err = once(ctx, a, req.tenant, func(ctx context.Context) (nothing, error) {
		return nothing{}, a.switchSubscription(ctx, req, in)
	})
	return err
}

func (a *App) switchSubscription(ctx context.Context, req request, in SubscriptionSwitch) error {
	if req.project.Catalog.BlockNewPurchases {
		return apierr.NewPurchasesBlocked()
	}
	if err := a.authorize(ctx, req, in.Customer); err != nil {
		return err
	}
	from, to, err := switchable(req.project.Catalog, in)
	if err != nil {
		return err
	}
	if err := a.requireOther(ctx, req, in.Customer); err != nil {
		return err
	}
	holdings, err := a.store.Holdings(ctx, req.tenant, in.Customer)
	if err != nil {
		return err
	}
	for _, owned := range holdings.Owned(holdings.AsOf(a.clock.Now())) {
		if owned.Product.LineID == to.LineID && holdings.Subscription(owned.ProductID) == nil {
			return apierr.Text(http.StatusBadRequest, "The customer owns a one-time purchase in this product line, which cannot be switched.")
		}
	}
	current := holdings.Subscription(&in.FromProduct)
	if !from.Prices.IncludeByDefault && (current == nil || current.StripeID == nil) {
		return apierr.Text(http.StatusBadRequest, "This subscription cannot be switched.")
	}
	priceID, price, err := switchPrice(to, in.PriceID)
	if err != nil {
		return err
	}
	quantity := int64(1)
	switch {
	case in.Quantity != nil && *in.Quantity != 1 && !to.Stackable:
		return apierr.Text(http.StatusBadRequest, "This product can be bought once only; its quantity must be 1.")
	case in.Quantity != nil:
		quantity = *in.Quantity
	case current != nil:
		quantity = current.Quantity
	}
	cents, err := charge(&domain.Selection{PriceID: priceID, Price: &price})
	if err != nil {
		return err
	}
	if _, err := product(cents, quantity); err != nil {
		return err
	}
	return a.switchAtStripe(ctx, req, in, current, to, priceID, Plan{
		Name: to.Name(), UnitAmount: cents, Interval: *price.Interval, Quantity: quantity, Fee: a.fee,
	})
}

// switchable returns the two products of a switch, whose conditions are checked
// in the order of the contract.
func switchable(c *domain.Catalog, in SubscriptionSwitch) (from, to domain.Product, err error) {
	refuse := func(sentence string) error { return apierr.Text(http.StatusBadRequest, sentence) }
	from, knowsFrom := c.Products.Get(in.FromProduct)
	to, knowsTo := c.Products.Get(in.ToProduct)
	switch {
	case !knowsFrom || !knowsTo:
		err = refuse("There is no such product.")
	case from.CustomerType != in.Customer.Type || to.CustomerType != in.Customer.Type:
		err = refuse("The products are for another type of customer.")
	case from.LineID == "" || from.LineID != to.LineID:
		err = refuse("The products are not in the same product line.")
	case in.FromProduct == in.ToProduct:
		err = refuse("The products are the same.")
	case to.IsAddOn():
		err = refuse("A subscription cannot be switched to an add-on.")
	case to.Prices.IncludeByDefault:
		err = refuse("A subscription cannot be switched to a product that is included by default.")
	case !from.Prices.IncludeByDefault && len(from.Recurring()) == 0:
		err = refuse("The product that is owned is no subscription.")
	}
	return from, to, err
}

// switchPrice is the price that a subscription is switched to.
func switchPrice(to domain.Product, priceID *string) (string, domain.Price, error) {
	refuse := func(sentence string) error { return apierr.Text(http.StatusBadRequest, sentence) }
	var chosen domain.Member[domain.Price]
	if recurring := to.Recurring(); priceID == nil && len(recurring) > 0 {
		chosen = recurring[0]
	} else if priceID != nil {
		i := slices.IndexFunc(to.Prices.ByID, func(m domain.Member[domain.Price]) bool { return m.ID == *priceID })
		if i < 0 {
			return "", domain.Price{}, refuse("The product has no such price.")
		}
		chosen = to.Prices.ByID[i]
	}
	if chosen.Value.Interval == nil {
		return "", domain.Price{}, refuse("The price is not one of a subscription.")
	}
	if _, ok := chosen.Value.In(domain.USD); !ok {
		return "", domain.Price{}, refuse("This price cannot be paid in US dollars.")
	}
	return chosen.ID, chosen.Value, nil
}

// switchAtStripe charges the stored card and writes down what has become of the
// subscription.
func (a *App) switchAtStripe(ctx context.Context, req request, in SubscriptionSwitch, current *domain.Subscription, to domain.Product, priceID string, plan Plan) error {
	required := apierr.DefaultPaymentMethodRequired(string(in.Customer.Type), in.Customer.ID)
	accountID, err := a.stripeAccount(ctx, req.tenant)
	if err != nil {
		return err
	}
	if plan.CustomerID, err = a.stripe.FindCustomer(ctx, accountID, in.Customer); err != nil {
		return err
	}
	if plan.CustomerID == "" {
		return required
	}
	card, err := a.stripe.Card(ctx, accountID, plan.CustomerID)
	if err != nil {
		return err
	}
	if card == nil {
		return required
	}
	plan.PaymentMethodID = card.ID
	var versionID string
	if err := a.store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		versionID, err = tx.SaveProductVersion(ctx, req.tenant, &in.ToProduct, &to)
		return err
	}); err != nil {
		return err
	}
	plan.Metadata = map[string]string{metaProductID: in.ToProduct, metaProductVersionID: versionID, metaPriceID: priceID}
	key := "switch/" + ids.NewUUID()
	if chosen, ok := idempotencyFrom(ctx); ok {
		key = fmt.Sprintf("switch/%s/%s/%s/%s", req.tenant.ProjectID, req.tenant.BranchID, chosen.Actor, chosen.Key)
	}
	var switched *StripeSubscription
	if current != nil && current.StripeID != nil {
		switched, _, err = a.stripe.UpdateSubscription(ctx, accountID, key, *current.StripeID, plan)
	} else {
		switched, _, err = a.stripe.CreateSubscription(ctx, accountID, key, plan)
	}
	if err != nil {
		return err
	}
	_, err = commit(ctx, a, req.tenant, func(ctx context.Context, tx Tx) (nothing, error) {
		return nothing{}, a.adoptAll(ctx, tx, req.tenant, in.Customer, []adoption{{*switched, to}})
	})
	return err
}
