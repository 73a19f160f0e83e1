// Command payments is the payments context: products, items and purchases.
package main

import (
	"vestibule.dev/pkg/service"
	"vestibule.dev/services/payments"
)

func main() {
	service.Main(payments.Command())
}
