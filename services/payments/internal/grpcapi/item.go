package grpcapi

import (
	"context"
	"strings"
	"time"

	"vestibule.dev/pkg/apierr"
	paymentsv1 "vestibule.dev/proto/payments/v1"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
)

// Items implements paymentsv1.ItemServiceServer.
type Items struct {
	paymentsv1.UnimplementedItemServiceServer
	app *app.App
}

// GetItem implements paymentsv1.ItemServiceServer.
func (s *Items) GetItem(ctx context.Context, req *paymentsv1.GetItemRequest) (*paymentsv1.Item, error) {
	item, err := s.app.GetItem(ctx, customer(req), req.GetItemId())
	if err != nil {
		return nil, err
	}
	return &paymentsv1.Item{Id: item.ID, DisplayName: item.DisplayName, Quantity: item.Quantity.Float64()}, nil
}

// UpdateItemQuantity implements paymentsv1.ItemServiceServer.
func (s *Items) UpdateItemQuantity(ctx context.Context, req *paymentsv1.UpdateItemQuantityRequest) (*paymentsv1.UpdateItemQuantityResponse, error) {
	update := app.ItemQuantityUpdate{
		Customer:      customer(req),
		ItemID:        req.GetItemId(),
		Delta:         req.GetChange().GetDelta(),
		AllowNegative: req.GetAllowNegative(),
		Description:   req.GetChange().Description,
	}
	if req.GetChange().ExpiresAt != nil {
		expiresAt, ok := parseTime(req.GetChange().GetExpiresAt())
		if !ok {
			return nil, apierr.SchemaError("body.expires_at must be a date")
		}
		update.ExpiresAt = &expiresAt
	}
	if err := s.app.UpdateItemQuantity(idempotent(ctx, req), update); err != nil {
		return nil, err
	}
	return &paymentsv1.UpdateItemQuantityResponse{}, nil
}

// customer reads who a request is about. Ids of users and teams are UUIDs,
// whose letters mean the same in either case.
func customer(req interface {
	GetCustomerType() string
	GetCustomerId() string
}) domain.Customer {
	c := domain.Customer{Type: domain.CustomerType(req.GetCustomerType()), ID: req.GetCustomerId()}
	if c.Type != domain.CustomerCustom {
		c.ID = strings.ToLower(c.ID)
	}
	return c
}

// parseTime reads a moment or a day of ISO 8601.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if moment, err := time.Parse(layout, text); err == nil {
			return moment.UTC().Truncate(domain.Tick), true
		}
	}
	return time.Time{}, false
}
