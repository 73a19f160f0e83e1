package isolation

import "maps"

const fullCode = "3241a285-8329-4d69-8f3d-316e08cf140c_code"

func init() {
	kinds["subscription_id"] = aSubscription
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
	})
}
