package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/payments/internal/domain"
)

// Events of the provider by what they call for (payments.md §9.3).
var (
	subscriptionEvents = []string{
		"checkout.session.completed",
		"customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted",
		"customer.subscription.paused", "customer.subscription.resumed", "customer.subscription.pending_update_applied",
		"customer.subscription.pending_update_expired", "customer.subscription.trial_will_end",
		"invoice.created", "invoice.finalized", "invoice.updated", "invoice.voided", "invoice.paid", "invoice.payment_failed",
		"invoice.payment_action_required", "invoice.upcoming", "invoice.marked_uncollectible", "invoice.payment_succeeded",
		paymentSucceeded, paymentFailed, "payment_intent.canceled",
	}
	ignoredEvents = []string{
		"account.updated", "account.application.authorized", "capability.updated", "charge.failed", "balance.available",
		"customer.updated", "charge.dispute.created",
	}
)

const (
	paymentSucceeded = "payment_intent.succeeded"
	paymentFailed    = "payment_intent.payment_failed"
)

// stripeObject is what is read of the objects that events are about.
type stripeObject struct {
	ID       string            `json:"id"`
	Customer json.RawMessage   `json:"customer"`
	Metadata map[string]string `json:"metadata"`

	// Of payment intents.
	Currency         string `json:"currency"`
	Amount           int64  `json:"amount"`
	AmountReceived   int64  `json:"amount_received"`
	LastPaymentError *struct {
		Message string `json:"message"`
	} `json:"last_payment_error"`
	Charges struct {
		Data []struct {
			ReceiptURL string `json:"receipt_url"`
		} `json:"data"`
	} `json:"charges"`

	// Of invoices.
	Status           *string `json:"status"`
	Total            *int64  `json:"total"`
	AmountPaid       int64   `json:"amount_paid"`
	AmountDue        int64   `json:"amount_due"`
	BillingReason    string  `json:"billing_reason"`
	HostedInvoiceURL *string `json:"hosted_invoice_url"`
	InvoicePDF       string  `json:"invoice_pdf"`
	Lines            struct {
		Data []struct {
			Description string `json:"description"`
			Quantity    int64  `json:"quantity"`
			Parent      *struct {
				Details *struct {
					Subscription string `json:"subscription"`
				} `json:"subscription_item_details"`
			} `json:"parent"`
		} `json:"data"`
	} `json:"lines"`
}

// customerID is the customer's id; empty if the object names none.
func (o *stripeObject) customerID() (id string) {
	_ = json.Unmarshal(o.Customer, &id)
	return id
}

// HandleStripeEvent does what an event of the provider calls for. Neither
// handling it again nor handling events in another order changes the outcome.
// Any error but that of a wrong signature makes the provider send it again.
func (a *App) HandleStripeEvent(ctx context.Context, payload []byte, signature string) error {
	if signature == "" {
		return apierr.SchemaError("headers.stripe-signature is required")
	}
	event, err := a.stripe.Event(payload, signature)
	if err != nil {
		return apierr.Text(http.StatusBadRequest, "The signature does not match.").WithCause(err)
	}
	if slices.Contains(ignoredEvents, event.Type) {
		return nil
	}
	if !slices.Contains(subscriptionEvents, event.Type) {
		return fmt.Errorf("the payment provider should not send events of type %q", event.Type)
	}
	var object stripeObject
	if err := json.Unmarshal(event.Object, &object); err != nil {
		return fmt.Errorf("read the object of event %s: %w", event.ID, err)
	}
	tenant, found, err := a.tenantOfEvent(ctx, event)
	if err != nil || !found {
		return err
	}
	ctx = tenancy.ForProject(ctx, tenant.ProjectID)
	if object.Metadata[metaKind] == kindOneTime && (event.Type == paymentSucceeded || event.Type == paymentFailed) {
		return a.handlePayment(ctx, tenant, event, &object)
	}
	customerID := object.customerID()
	if customerID == "" {
		return fmt.Errorf("the object of event %s names no customer", event.ID)
	}
	if err := a.syncSubscriptions(ctx, tenant, event.AccountID, customerID); err != nil {
		return err
	}
	if strings.HasPrefix(event.Type, "invoice.") {
		return a.handleInvoice(ctx, tenant, event, &object)
	}
	return nil
}

// tenantOfEvent finds whose account an event happened on; found is false for
// the account of a project that was deleted, or that others look after with the
// same key.
func (a *App) tenantOfEvent(ctx context.Context, event *StripeEvent) (tenant ids.Tenant, found bool, err error) {
	if event.AccountID == "" {
		return tenant, false, fmt.Errorf("event %s names no account", event.ID)
	}
	if tenant, found, err = a.store.TenantOfStripeAccount(ctx, event.AccountID); err != nil || found {
		return tenant, found, err
	}
	account, err := a.stripe.Account(ctx, event.AccountID)
	if err != nil {
		return tenant, false, err
	}
	if !ids.ValidUUID(account.TenancyID) {
		return tenant, false, fmt.Errorf("account %s of event %s belongs to no project", event.AccountID, event.ID)
	}
	return a.store.Tenancy(ctx, account.TenancyID)
}

// handlePayment enters a one-time purchase that was paid for, or tells that the
// payment failed.
func (a *App) handlePayment(ctx context.Context, tenant ids.Tenant, event *StripeEvent, intent *stripeObject) error {
	customer, ok := customerOf(intent.Metadata)
	if !ok {
		return fmt.Errorf("the metadata of payment %s names no customer", intent.ID)
	}
	product, err := a.soldProduct(ctx, tenant, intent.Metadata)
	if err != nil {
		return fmt.Errorf("payment %s: %w", intent.ID, err)
	}
	quantity := int64(1)
	if n, err := strconv.ParseInt(intent.Metadata[metaQuantity], 10, 64); err == nil {
		quantity = max(1, n)
	}
	recipients, err := a.recipients(ctx, tenant, customer)
	if err != nil {
		return err
	}
	template, variables := templateFailed, map[string]string{"productName": product.Name(), "amount": amountText(intent.Currency, intent.Amount)}
	if event.Type == paymentSucceeded {
		template = templateReceipt
		variables["quantity"], variables["amount"] = strconv.FormatInt(quantity, 10), amountText(intent.Currency, intent.AmountReceived)
		if len(intent.Charges.Data) > 0 {
			set(variables, "receiptLink", intent.Charges.Data[0].ReceiptURL)
		}
	} else if intent.LastPaymentError != nil {
		set(variables, "failureReason", intent.LastPaymentError.Message)
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if event.Type == paymentSucceeded {
			err := a.enterPayment(ctx, tx, tenant, domain.Purchase{
				ID: ids.NewUUID(), Customer: customer, Product: *product, Quantity: quantity, Source: domain.SourcePurchasePage,
				ProductID: orNil(firstOf(intent.Metadata, metaProductID, "offerId")), PriceID: orNil(intent.Metadata[metaPriceID]),
				StripeID: &intent.ID,
			})
			if err != nil {
				return err
			}
		}
		return mailOnce(ctx, tx, tenant, event, recipients, template, variables)
	})
}

// enterPayment enters a one-time purchase, once. Money that came from a customer
// who is gone by now is on the books as well, where it can be refunded.
func (a *App) enterPayment(ctx context.Context, tx Tx, tenant ids.Tenant, purchase domain.Purchase) error {
	owner, err := tx.ClaimStripePurchase(ctx, tenant, *purchase.StripeID, purchase.ID)
	if err != nil || owner != purchase.ID {
		return err
	}
	if err := lockCustomer(ctx, tx, tenant, purchase.Customer); err != nil && !isCustomerNotFound(err) {
		return err
	}
	holdings, err := a.store.Holdings(ctx, tenant, purchase.Customer)
	if err != nil {
		return err
	}
	book, err := openBook(ctx, tx, holdings.AsOf(a.clock.Now()), tenant, purchase.Customer, holdings, nil, &purchase.Product)
	if err != nil {
		return err
	}
	purchase.CreatedAt = book.at
	if err := book.record(ctx, purchase, &domain.Selection{}); err != nil {
		return err
	}
	return book.close(ctx)
}

// handleInvoice writes an invoice and tells what has become of it. An invoice
// for no subscription, or one without an id yet, is none of ours.
func (a *App) handleInvoice(ctx context.Context, tenant ids.Tenant, event *StripeEvent, object *stripeObject) error {
	var subscriptionIDs []string
	for _, line := range object.Lines.Data {
		if line.Parent != nil && line.Parent.Details != nil && line.Parent.Details.Subscription != "" {
			subscriptionIDs = append(subscriptionIDs, line.Parent.Details.Subscription)
		}
	}
	slices.Sort(subscriptionIDs)
	subscriptionIDs = slices.Compact(subscriptionIDs)
	switch {
	case len(subscriptionIDs) > 1:
		return fmt.Errorf("invoice %s is for %d subscriptions", object.ID, len(subscriptionIDs))
	case len(subscriptionIDs) == 0 || object.ID == "":
		return nil
	}
	known, err := a.stripe.Customer(ctx, event.AccountID, object.customerID())
	if err != nil || known == nil {
		return err
	}
	customer, ok := customerOf(known.Metadata)
	if !ok {
		return fmt.Errorf("the metadata of customer %s names no customer", known.ID)
	}
	template, variables := invoiceMail(event.Type, object)
	var recipients []string
	if template != "" {
		if recipients, err = a.recipients(ctx, tenant, customer); err != nil {
			return err
		}
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		err := tx.SaveInvoice(ctx, tenant, &Invoice{
			ID: ids.NewUUID(), Customer: customer, StripeSubscriptionID: subscriptionIDs[0], StripeInvoiceID: object.ID,
			Creation: object.BillingReason == "subscription_create", Status: object.Status, AmountTotal: object.Total,
			HostedURL: object.HostedInvoiceURL, CreatedAt: a.clock.Now().UTC().Truncate(domain.Tick),
		})
		if err != nil || template == "" {
			return err
		}
		return mailOnce(ctx, tx, tenant, event, recipients, template, variables)
	})
}

// Templates of mails about payments.
const (
	templateReceipt = "payment_receipt"
	templateFailed  = "payment_failed"
)

// invoiceMail is the mail that an event about an invoice calls for; an empty
// template is none (payments.md §9.4).
func invoiceMail(eventType string, invoice *stripeObject) (template string, variables map[string]string) {
	variables = map[string]string{"productName": "Subscription"}
	quantity := int64(1)
	if len(invoice.Lines.Data) > 0 {
		line := invoice.Lines.Data[0]
		set(variables, "productName", line.Description)
		quantity = max(quantity, line.Quantity)
	}
	switch {
	case eventType == "invoice.payment_succeeded":
		variables["quantity"] = strconv.FormatInt(quantity, 10)
		variables["amount"] = amountText(invoice.Currency, invoice.AmountPaid)
		set(variables, "receiptLink", invoice.InvoicePDF)
		if invoice.HostedInvoiceURL != nil {
			set(variables, "receiptLink", *invoice.HostedInvoiceURL)
		}
		return templateReceipt, variables
	case eventType == "invoice.payment_failed" && invoice.Status != nil && *invoice.Status == "uncollectible":
		variables["amount"] = amountText(invoice.Currency, invoice.AmountDue)
		if invoice.HostedInvoiceURL != nil {
			set(variables, "invoiceUrl", *invoice.HostedInvoiceURL)
		}
		return templateFailed, variables
	}
	return "", nil
}

// set adds a variable unless it is unknown.
func set(variables map[string]string, name, value string) {
	if value != "" {
		variables[name] = value
	}
}

// amountText is an amount of money for people, in hundredths whatever the
// currency (payments.md §9.4).
func amountText(currency string, minor int64) string {
	if currency == "" {
		return "Amount unavailable"
	}
	return fmt.Sprintf("%s %d.%02d", strings.ToUpper(currency), minor/100, minor%100)
}

// recipients are the users who hear about payments of a customer.
func (a *App) recipients(ctx context.Context, tenant ids.Tenant, customer domain.Customer) ([]string, error) {
	if gone, err := a.store.CustomerDeleted(ctx, tenant, customer); err != nil || gone {
		return nil, err
	}
	switch customer.Type {
	case domain.CustomerUser:
		return []string{customer.ID}, nil
	case domain.CustomerTeam:
		return a.teams.Holders(ctx, tenant, customer.ID, teamAdmin)
	}
	return nil, nil
}

// mailOnce sends a mail to the recipients unless the event has been handled
// before.
func mailOnce(ctx context.Context, tx Tx, tenant ids.Tenant, event *StripeEvent, recipients []string, template string, variables map[string]string) error {
	first, err := tx.RememberStripeEvent(ctx, tenant, event.ID)
	if err != nil || !first {
		return err
	}
	var mails []Mail
	for _, userID := range recipients {
		mails = append(mails, Mail{UserID: userID, Template: template, Variables: variables})
	}
	return tx.EnqueueMails(ctx, tenant, mails...)
}
