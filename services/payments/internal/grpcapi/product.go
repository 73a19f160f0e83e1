package grpcapi

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/pbjson"
	paymentsv1 "vestibule.dev/proto/payments/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/productpb"
)

// Products implements paymentsv1.ProductServiceServer.
type Products struct {
	paymentsv1.UnimplementedProductServiceServer
	app *app.App
}

// defaultPage is the length of a list's page.
const defaultPage = 10

// ListProducts implements paymentsv1.ProductServiceServer.
func (s *Products) ListProducts(ctx context.Context, req *paymentsv1.ListProductsRequest) (*paymentsv1.ListProductsResponse, error) {
	owned, next, err := s.app.ListProducts(ctx, customer(req), req.GetCursor(), limit(req.Limit))
	if err != nil {
		return nil, err
	}
	res := &paymentsv1.ListProductsResponse{IsPaginated: true, Pagination: pagination(next)}
	for i := range owned {
		item, err := ownedProduct(&owned[i])
		if err != nil {
			return nil, err
		}
		res.Items = append(res.Items, item)
	}
	return res, nil
}

func limit(asked *int32) int {
	if asked == nil {
		return defaultPage
	}
	return int(*asked)
}

func pagination(next string) *paymentsv1.Pagination {
	if next == "" {
		return &paymentsv1.Pagination{}
	}
	return &paymentsv1.Pagination{NextCursor: wrapperspb.String(next)}
}

func ownedProduct(owned *app.OwnedProduct) (*paymentsv1.OwnedProduct, error) {
	product, err := productpb.Inline(&owned.Product)
	if err != nil {
		return nil, err
	}
	item := &paymentsv1.OwnedProduct{Quantity: int32(min(owned.Quantity, 1<<31-1)), Product: product, Type: "one_time"}
	if owned.ProductID != nil {
		item.Id = wrapperspb.String(*owned.ProductID)
	}
	if subscription := owned.Subscription; subscription != nil {
		item.Type = "subscription"
		item.Subscription = &paymentsv1.OwnedSubscription{
			SubscriptionId: subscription.ID, CancelAtPeriodEnd: subscription.CancelAtPeriodEnd, IsCancelable: true,
			CurrentPeriodEnd: wrapperspb.String(formatTime(subscription.PeriodEnd)),
		}
	}
	if !owned.InLine {
		return item, nil
	}
	item.SwitchOptions = &structpb.ListValue{}
	for i := range owned.Options {
		product, err := productpb.Unordered(&owned.Options[i].Value)
		if err != nil {
			return nil, err
		}
		option, err := pbjson.Struct(&paymentsv1.SwitchOption{ProductId: owned.Options[i].ID, Product: product})
		if err != nil {
			return nil, err
		}
		item.SwitchOptions.Values = append(item.SwitchOptions.Values, structpb.NewStructValue(option))
	}
	return item, nil
}

// formatTime writes a moment as ISO 8601 with milliseconds, in UTC.
func formatTime(moment time.Time) string { return moment.UTC().Format("2006-01-02T15:04:05.000Z") }

// GrantProduct implements paymentsv1.ProductServiceServer.
func (s *Products) GrantProduct(ctx context.Context, req *paymentsv1.GrantProductRequest) (*paymentsv1.GrantProductResponse, error) {
	grant := req.GetGrant()
	product, err := productRef(grant.ProductId, grant.GetProductInline())
	if err != nil {
		return nil, err
	}
	subscriptionID, err := s.app.GrantProduct(idempotent(ctx, req), app.ProductGrant{
		Customer: customer(req), Product: product, Quantity: int64(max(1, grant.GetQuantity())),
	})
	if err != nil {
		return nil, err
	}
	res := &paymentsv1.GrantProductResponse{Success: true}
	if subscriptionID != "" {
		res.SubscriptionId = &subscriptionID
	}
	return res, nil
}

// CancelProduct implements paymentsv1.ProductServiceServer.
func (s *Products) CancelProduct(ctx context.Context, req *paymentsv1.CancelProductRequest) (*typesv1.Success, error) {
	if err := s.app.CancelProduct(ctx, customer(req), req.GetProductId(), req.SubscriptionId); err != nil {
		return nil, err
	}
	return &typesv1.Success{Success: true}, nil
}

// SwitchSubscription implements paymentsv1.ProductServiceServer.
func (s *Products) SwitchSubscription(ctx context.Context, req *paymentsv1.SwitchSubscriptionRequest) (*typesv1.Success, error) {
	change := req.GetChange()
	in := app.SubscriptionSwitch{
		Customer: customer(req), FromProduct: change.GetFromProductId(), ToProduct: change.GetToProductId(), PriceID: change.PriceId,
	}
	if change.Quantity != nil {
		in.Quantity = new(int64(*change.Quantity))
	}
	if err := s.app.SwitchSubscription(idempotent(ctx, req), in); err != nil {
		return nil, err
	}
	return &typesv1.Success{Success: true}, nil
}
