package events

import (
	"context"
	"fmt"

	"vestibule.dev/pkg/outbox"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
)

// Encode gives an event its published form.
func Encode(ctx context.Context, event app.Event) (*eventsv1.Envelope, error) {
	switch event := event.(type) {
	case app.ItemQuantityChanged:
		key := event.Key
		envelope := outbox.NewEnvelope(ctx, outbox.Fact{
			Context: "payments", Aggregate: "item_quantity", Name: "changed",
			ID: customerPath(key.Customer) + "/" + key.ItemID, Tenant: key.Tenant, Version: event.Version,
		})
		envelope.Payload = &eventsv1.Envelope_ItemQuantityChanged{ItemQuantityChanged: &eventsv1.ItemQuantityChanged{
			CustomerType: string(key.Customer.Type), CustomerId: key.Customer.ID, ItemId: key.ItemID,
			Delta: event.Delta, Quantity: event.Quantity.String(),
		}}
		return envelope, nil
	}
	return nil, fmt.Errorf("events: %T has no published form", event)
}

// customerPath names a customer as part of an aggregate.
func customerPath(customer domain.Customer) string { return string(customer.Type) + "/" + customer.ID }
