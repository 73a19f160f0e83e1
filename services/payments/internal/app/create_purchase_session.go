package app

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/payments/internal/domain"
)

// Values of metadata at the provider.
const (
	metaProductID        = "productId"
	metaProductVersionID = "productVersionId"
	metaPriceID          = "priceId"
	metaCustomerID       = "customerId"
	metaCustomerType     = "customerType"
	metaQuantity         = "purchaseQuantity"
	metaKind             = "purchaseKind"
	metaTenancyID        = "tenancyId"

	kindOneTime = "ONE_TIME"
)

// smallestCharge is what the provider charges at least once, in US cents.
const smallestCharge = 50

// CreatePurchaseSession begins a payment at the provider and returns the secret
// with which the browser confirms it; nil when there is nothing to confirm
// (payments.md §6.4). The purchase is entered when the provider tells that it
// was paid for.
func (a *App) CreatePurchaseSession(ctx context.Context, choice PurchaseChoice) (clientSecret *string, err error) {
	return onceForCode(ctx, a, choice.FullCode, func(ctx context.Context) (*string, error) {
		ctx, code, project, err := a.openCode(ctx, choice.FullCode)
		switch {
		case err != nil:
			return nil, err
		case project.Catalog.BlockNewPurchases:
			return nil, apierr.NewPurchasesBlocked()
		case code.Stripe == nil:
			return nil, a.settleFree(ctx, code, choice)
		}
		holdings, err := a.store.Holdings(ctx, code.Tenant, code.Offer.Customer)
		if err != nil {
			return nil, err
		}
		selection, err := code.Offer.Select(holdings, &choice.PriceID, choice.Quantity, holdings.AsOf(a.clock.Now()))
		if err != nil {
			return nil, err
		}
		cents, err := charge(selection)
		if err != nil {
			return nil, err
		}
		begun, err := a.beginPayment(ctx, code, choice, selection, cents)
		if err != nil {
			return nil, err
		}
		secret, err := commit(ctx, a, code.Tenant, func(ctx context.Context, tx Tx) (*string, error) {
			if err := tx.ConsumePurchaseCode(ctx, code); err != nil {
				return nil, err
			}
			// Nobody learns the secret of a payment by somebody who was deleted
			// meanwhile.
			if err := lockCustomer(ctx, tx, code.Tenant, code.Offer.Customer); err != nil {
				return nil, err
			}
			return begun, a.cancelLocal(ctx, tx, code, selection)
		})
		if err != nil {
			return nil, hideSpent(err)
		}
		return secret, nil
	})
}

// settleFree settles a subscription that costs nothing where there is no
// provider at all. No other purchase can be begun there.
func (a *App) settleFree(ctx context.Context, code *PurchaseCode, choice PurchaseChoice) error {
	price, ok := code.Offer.Product.Prices.ByID.Get(choice.PriceID)
	if a.stripe.Available() || !ok || price.Interval == nil || !price.Free() {
		return errNotSetUp
	}
	_, err := settleAs(ctx, a, settlement{
		tenant: code.Tenant, offer: code.Offer, priceID: &choice.PriceID, quantity: choice.Quantity, source: domain.SourcePurchasePage,
	}, func(ctx context.Context, tx Tx) error { return tx.ConsumePurchaseCode(ctx, code) },
		func(string) *string { return nil })
	return hideSpent(err)
}

// charge is what one of the selected product costs, in US cents.
func charge(selection *domain.Selection) (int64, error) {
	amount, ok := selection.Price.In(domain.USD)
	if !ok {
		return 0, apierr.Text(http.StatusBadRequest, "This price cannot be paid in US dollars.")
	}
	cents, err := domain.MinorUnits(domain.USD, amount.Text)
	switch {
	case err != nil:
		return 0, apierr.Text(http.StatusBadRequest, "This price is too high.").WithCause(err)
	case selection.Recurring():
		return cents, nil
	case cents == 0:
		return 0, apierr.Text(http.StatusBadRequest, "A price that is paid once must be more than nothing.")
	case cents < smallestCharge:
		return 0, apierr.Text(http.StatusBadRequest, "This price is less than the 0.50 US dollars that can be charged.")
	}
	return cents, nil
}

// beginPayment creates what is paid at the provider. Repeating it with the same
// code and choice changes nothing.
func (a *App) beginPayment(ctx context.Context, code *PurchaseCode, choice PurchaseChoice, selection *domain.Selection, cents int64) (*string, error) {
	var versionID, tenancyID string
	err := a.store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		if tenancyID, err = tx.TenancyID(ctx, code.Tenant); err != nil {
			return err
		}
		versionID, err = tx.SaveProductVersion(ctx, code.Tenant, code.Offer.ProductID, &code.Offer.Product)
		return err
	})
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("purchase/%s/%s/%d", code.ID, choice.PriceID, choice.Quantity)
	metadata := map[string]string{metaProductID: "", metaProductVersionID: versionID, metaPriceID: choice.PriceID}
	if code.Offer.ProductID != nil {
		metadata[metaProductID] = *code.Offer.ProductID
	}
	var replaced *string
	if len(selection.Conflicts) > 0 {
		replaced = selection.Conflicts[0].StripeID
	}
	if !selection.Recurring() {
		if replaced != nil {
			if err := a.stripe.CancelSubscription(ctx, code.Stripe.AccountID, *replaced); err != nil {
				return nil, err
			}
		}
		metadata[metaCustomerID], metadata[metaCustomerType] = code.Offer.Customer.ID, string(code.Offer.Customer.Type)
		metadata[metaQuantity], metadata[metaKind] = strconv.FormatInt(choice.Quantity, 10), kindOneTime
		metadata[metaTenancyID] = tenancyID
		total, err := product(cents, choice.Quantity)
		if err != nil {
			return nil, err
		}
		secret, err := a.stripe.CreatePaymentIntent(ctx, code.Stripe.AccountID, key, Payment{
			CustomerID: code.Stripe.CustomerID, Amount: total, Fee: domain.Share(total, a.fee), Metadata: metadata,
		})
		if err == nil && secret == nil {
			err = errNoSecret
		}
		return secret, err
	}
	plan := Plan{
		CustomerID: code.Stripe.CustomerID, Name: code.Offer.Product.DisplayName, UnitAmount: cents,
		Interval: *selection.Price.Interval, Quantity: choice.Quantity, Fee: a.fee, Metadata: metadata,
	}
	if plan.Name == "" {
		plan.Name = "Subscription"
	}
	var begun *StripeSubscription
	var secret *string
	if replaced != nil {
		begun, secret, err = a.stripe.UpdateSubscription(ctx, code.Stripe.AccountID, key, *replaced, plan)
	} else {
		begun, secret, err = a.stripe.CreateSubscription(ctx, code.Stripe.AccountID, key, plan)
	}
	if err == nil && secret == nil && cents > 0 && (replaced == nil || begun.Status != domain.StatusActive) {
		err = errNoSecret
	}
	if cents == 0 {
		secret = nil
	}
	return secret, err
}

var errNoSecret = fmt.Errorf("the payment provider has sent no client secret")

// product multiplies an amount; the provider charges no more than 999,999.99
// US dollars.
func product(cents, quantity int64) (int64, error) {
	const most = 99_999_999
	if cents > 0 && quantity > most/cents {
		return 0, apierr.Text(http.StatusBadRequest, "The total is more than can be charged at once.")
	}
	return cents * quantity, nil
}

// cancelLocal ends the subscription that a purchase replaces, if the provider
// does not know it. The customer must be locked.
func (a *App) cancelLocal(ctx context.Context, tx Tx, code *PurchaseCode, selection *domain.Selection) error {
	if len(selection.Conflicts) == 0 || selection.Conflicts[0].StripeID != nil {
		return nil
	}
	replaced, customer := selection.Conflicts[0].ID, code.Offer.Customer
	holdings, err := a.store.Holdings(ctx, code.Tenant, customer)
	if err != nil {
		return err
	}
	for i := range holdings.Subscriptions {
		if s := &holdings.Subscriptions[i]; s.ID == replaced && !s.Active() {
			return nil // somebody was faster
		}
	}
	book, err := openBook(ctx, tx, holdings.AsOf(a.clock.Now()), code.Tenant, customer, holdings, []string{replaced})
	if err != nil {
		return err
	}
	if err := book.cancel(ctx, replaced, book.at); err != nil {
		return err
	}
	return book.close(ctx)
}
