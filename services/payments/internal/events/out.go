package events

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pbjson"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/productpb"
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
	case app.PurchaseCompleted:
		return purchaseCompleted(ctx, event)
	case app.SubscriptionChanged:
		return subscriptionChanged(ctx, event), nil
	case app.PurchaseRefunded:
		return purchaseRefunded(ctx, event), nil
	}
	return nil, fmt.Errorf("events: %T has no published form", event)
}

// customerPath names a customer as part of an aggregate.
func customerPath(customer domain.Customer) string { return string(customer.Type) + "/" + customer.ID }

func purchaseCompleted(ctx context.Context, event app.PurchaseCompleted) (*eventsv1.Envelope, error) {
	purchase := &event.Purchase
	message, err := productpb.Unordered(&purchase.Product)
	if err != nil {
		return nil, err
	}
	product, err := pbjson.Struct(message)
	if err != nil {
		return nil, err
	}
	envelope := outbox.NewEnvelope(ctx, outbox.Fact{
		Context: "payments", Aggregate: "purchase", Name: "completed", ID: purchase.ID, Tenant: event.Tenant,
	})
	envelope.Payload = &eventsv1.Envelope_PurchaseCompleted{PurchaseCompleted: &eventsv1.PurchaseCompleted{
		CustomerType: string(purchase.Customer.Type), CustomerId: purchase.Customer.ID,
		PurchaseId: purchase.ID, IsSubscription: event.Subscription,
		ProductId: productID(purchase), Product: product, Quantity: purchase.Quantity, Source: string(purchase.Source),
	}}
	return envelope, nil
}

func subscriptionChanged(ctx context.Context, event app.SubscriptionChanged) *eventsv1.Envelope {
	subscription := &event.Subscription
	envelope := outbox.NewEnvelope(ctx, outbox.Fact{
		Context: "payments", Aggregate: "subscription", Name: "changed", ID: subscription.ID, Tenant: event.Tenant, Version: subscription.Version,
	})
	payload := &eventsv1.SubscriptionChanged{
		CustomerType: string(subscription.Customer.Type), CustomerId: subscription.Customer.ID,
		SubscriptionId: subscription.ID, ProductId: productID(&subscription.Purchase), Status: string(subscription.Status),
		CancelAtPeriodEnd: subscription.CancelAtPeriodEnd, CurrentPeriodEnd: timestamppb.New(subscription.PeriodEnd),
	}
	if subscription.EndedAt != nil {
		payload.EndedAt = timestamppb.New(*subscription.EndedAt)
	}
	envelope.Payload = &eventsv1.Envelope_SubscriptionChanged{SubscriptionChanged: payload}
	return envelope
}

func purchaseRefunded(ctx context.Context, event app.PurchaseRefunded) *eventsv1.Envelope {
	purchase := &event.Purchase
	envelope := outbox.NewEnvelope(ctx, outbox.Fact{
		Context: "payments", Aggregate: "purchase", Name: "refunded", ID: purchase.ID, Tenant: event.Tenant,
	})
	envelope.Payload = &eventsv1.Envelope_PurchaseRefunded{PurchaseRefunded: &eventsv1.PurchaseRefunded{
		CustomerType: string(purchase.Customer.Type), CustomerId: purchase.Customer.ID, PurchaseId: purchase.ID,
		ProductId: productID(purchase), Quantity: event.Refund.Quantity, AmountCents: event.Refund.Amount,
	}}
	return envelope
}

func productID(purchase *domain.Purchase) string {
	if purchase.ProductID == nil {
		return ""
	}
	return *purchase.ProductID
}
