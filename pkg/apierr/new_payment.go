package apierr

// Contexts of ProductDoesNotExist.
const (
	// ContextItemExists: there is no product of that id, but an item.
	ContextItemExists = "item_exists"
	// ContextServerOnly: the product exists, but not for clients.
	ContextServerOnly = "server_only"
)

// ItemNotFound is for an item that is not configured.
func ItemNotFound(itemID string) *Error {
	return known(CodeItemNotFound, map[string]any{"item_id": itemID})
}

// ItemCustomerTypeDoesNotMatch is for an item for another type of customer
// (user, team or custom); an empty itemCustomerType becomes null.
func ItemCustomerTypeDoesNotMatch(itemID, customerID, itemCustomerType, actualCustomerType string) *Error {
	return known(CodeItemCustomerTypeDoesNotMatch, map[string]any{
		"item_id":              itemID,
		"customer_id":          customerID,
		"item_customer_type":   orNil(itemCustomerType),
		"actual_customer_type": actualCustomerType,
	})
}

// ItemQuantityInsufficientAmount is for a decrease below zero, and a seat limit
// that is reached.
func ItemQuantityInsufficientAmount(itemID, customerID string, quantity float64) *Error {
	return known(CodeItemQuantityInsufficientAmount, map[string]any{
		"item_id":     itemID,
		"customer_id": customerID,
		"quantity":    quantity,
	})
}

// ProductDoesNotExist is for a product that is unknown (context is empty and
// becomes null), or one of the Context constants.
func ProductDoesNotExist(productID, context string) *Error {
	return known(CodeProductDoesNotExist, map[string]any{
		"product_id": productID,
		"context":    orNil(context),
	})
}

// ProductCustomerTypeDoesNotMatch is for a product for another type of
// customer; productID is empty and becomes null for an inline product, an empty
// productCustomerType becomes null.
func ProductCustomerTypeDoesNotMatch(productID, customerID, productCustomerType, actualCustomerType string) *Error {
	return known(CodeProductCustomerTypeDoesNotMatch, map[string]any{
		"product_id":            orNil(productID),
		"customer_id":           customerID,
		"product_customer_type": orNil(productCustomerType),
		"actual_customer_type":  actualCustomerType,
	})
}

// ProductAlreadyGranted is for a product that cannot be owned twice.
func ProductAlreadyGranted(productID, customerID string) *Error {
	return known(CodeProductAlreadyGranted, map[string]any{
		"product_id":  productID,
		"customer_id": customerID,
	})
}

// NewPurchasesBlocked is for a project that blocks new purchases.
func NewPurchasesBlocked() *Error {
	return known(CodeNewPurchasesBlocked, nil)
}

// DefaultPaymentMethodRequired is for switching plans without a stored payment
// method; customerType is user or team.
func DefaultPaymentMethodRequired(customerType, customerID string) *Error {
	return known(CodeDefaultPaymentMethodRequired, map[string]any{
		"customer_type": customerType,
		"customer_id":   customerID,
	})
}

// StripeAccountInfoNotFound is for a project without payment account.
func StripeAccountInfoNotFound() *Error {
	return known(CodeStripeAccountInfoNotFound, nil)
}

// SubscriptionInvoiceNotFound is for refunding an unknown invoice.
func SubscriptionInvoiceNotFound(invoiceID string) *Error {
	return known(CodeSubscriptionInvoiceNotFound, map[string]any{"subscription_invoice_id": invoiceID})
}

// OneTimePurchaseNotFound is for refunding an unknown purchase.
func OneTimePurchaseNotFound(purchaseID string) *Error {
	return known(CodeOneTimePurchaseNotFound, map[string]any{"one_time_purchase_id": purchaseID})
}

// SubscriptionAlreadyRefunded is for refunding a subscription twice.
func SubscriptionAlreadyRefunded(subscriptionID string) *Error {
	return known(CodeSubscriptionAlreadyRefunded, map[string]any{"subscription_id": subscriptionID})
}

// OneTimePurchaseAlreadyRefunded is for refunding a purchase twice.
func OneTimePurchaseAlreadyRefunded(purchaseID string) *Error {
	return known(CodeOneTimePurchaseAlreadyRefunded, map[string]any{"one_time_purchase_id": purchaseID})
}

// TestModePurchaseNonRefundable is for refunding a purchase made in test mode.
func TestModePurchaseNonRefundable() *Error {
	return known(CodeTestModePurchaseNonRefundable, nil)
}
