package isolation

import "maps"

const fullCode = "3241a285-8329-4d69-8f3d-316e08cf140c_code"

func init() {
	kinds["subscription_id"] = aSubscription
	kinds["POST /internal/payments/transactions/refund id"] = aSubscription
	// The payment provider's names are good on the project's own account alone.
	chosen = append(chosen, "config_id", "setup_intent_id")
	maps.Copy(examples, map[string]map[string]any{
		"GET /payments/items/{customer_type}/{customer_id}/{item_id}": {"customer_type": "user", "item_id": "credits"},
		"POST /payments/items/{customer_type}/{customer_id}/{item_id}/update-quantity": {
			"customer_type": "user", "item_id": "credits", "allow_negative": "true", "delta": 1,
		},

		"POST /payments/purchases/create-purchase-url":       {"customer_type": "user", "product_id": "starter"},
		"POST /payments/purchases/validate-code":             {"full_code": fullCode},
		"GET /payments/purchases/validate-code":              {"full_code": fullCode},
		"POST /payments/purchases/purchase-session":          {"full_code": fullCode, "price_id": "monthly"},
		"POST /internal/payments/test-mode-purchase-session": {"full_code": fullCode, "price_id": "monthly"},
		"POST /internal/payments/checkout":                   {"full_code": fullCode},

		"GET /payments/products/{customer_type}/{customer_id}":  {"customer_type": "user"},
		"POST /payments/products/{customer_type}/{customer_id}": {"customer_type": "user", "product_id": "starter"},
		"DELETE /payments/products/{customer_type}/{customer_id}/{product_id}": {
			"customer_type": "user", "product_id": "starter",
		},
		"POST /payments/products/{customer_type}/{customer_id}/switch": {
			"customer_type": "user", "from_product_id": "starter", "to_product_id": "other",
		},
		"GET /payments/invoices/{customer_type}/{customer_id}":                     {"customer_type": "user"},
		"GET /payments/billing/{customer_type}/{customer_id}":                      {"customer_type": "user"},
		"POST /payments/payment-method/{customer_type}/{customer_id}/setup-intent": {"customer_type": "user"},
		"POST /payments/payment-method/{customer_type}/{customer_id}/set-default":  {"customer_type": "user", "setup_intent_id": "seti_1"},

		"PATCH /internal/payments/method-configs": {"config_id": "pmc_1", "updates": map[string]any{"card": "on"}},
		"POST /internal/payments/transactions/refund": {
			"type": "subscription", "refund_entries": []any{map[string]any{"entry_index": 0, "quantity": 1, "amount_usd": "1"}},
		},
	})
}
