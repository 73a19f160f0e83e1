package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/wrapperspb"

	paymentsv1 "vestibule.dev/proto/payments/v1"
	"vestibule.dev/services/payments/internal/app"
)

// Billing implements paymentsv1.BillingServiceServer.
type Billing struct {
	paymentsv1.UnimplementedBillingServiceServer
	app *app.App
}

// ListInvoices implements paymentsv1.BillingServiceServer.
func (s *Billing) ListInvoices(ctx context.Context, req *paymentsv1.ListInvoicesRequest) (*paymentsv1.ListInvoicesResponse, error) {
	invoices, next, err := s.app.ListInvoices(ctx, customer(req), req.GetCursor(), limit(req.Limit))
	if err != nil {
		return nil, err
	}
	res := &paymentsv1.ListInvoicesResponse{IsPaginated: true, Pagination: pagination(next)}
	for _, invoice := range invoices {
		item := &paymentsv1.Invoice{
			CreatedAtMillis: float64(invoice.CreatedAt.UnixMilli()), Status: text(invoice.Status), HostedInvoiceUrl: text(invoice.HostedURL),
		}
		if invoice.AmountTotal != nil {
			item.AmountTotal = float64(*invoice.AmountTotal)
		}
		res.Items = append(res.Items, item)
	}
	return res, nil
}

// text is null when there is none.
func text(value *string) *wrapperspb.StringValue {
	if value == nil {
		return nil
	}
	return wrapperspb.String(*value)
}

// GetBilling implements paymentsv1.BillingServiceServer.
func (s *Billing) GetBilling(ctx context.Context, req *paymentsv1.GetBillingRequest) (*paymentsv1.GetBillingResponse, error) {
	known, card, err := s.app.GetBilling(ctx, customer(req))
	if err != nil {
		return nil, err
	}
	return &paymentsv1.GetBillingResponse{HasCustomer: known, DefaultPaymentMethod: paymentMethod(card)}, nil
}

func paymentMethod(card *app.Card) *paymentsv1.PaymentMethod {
	if card == nil {
		return nil
	}
	known := func(value string) *wrapperspb.StringValue {
		if value == "" {
			return nil
		}
		return wrapperspb.String(value)
	}
	figure := func(value int32) *wrapperspb.Int32Value {
		if value == 0 {
			return nil
		}
		return wrapperspb.Int32(value)
	}
	return &paymentsv1.PaymentMethod{
		Id: known(card.ID), Brand: known(card.Brand), Last4: known(card.Last4), ExpMonth: figure(card.ExpMonth), ExpYear: figure(card.ExpYear),
	}
}

// CreateSetupIntent implements paymentsv1.BillingServiceServer.
func (s *Billing) CreateSetupIntent(ctx context.Context, req *paymentsv1.CreateSetupIntentRequest) (*paymentsv1.CreateSetupIntentResponse, error) {
	clientSecret, accountID, err := s.app.CreateSetupIntent(ctx, customer(req))
	if err != nil {
		return nil, err
	}
	return &paymentsv1.CreateSetupIntentResponse{ClientSecret: clientSecret, StripeAccountId: accountID}, nil
}

// SetDefaultPaymentMethod implements paymentsv1.BillingServiceServer.
func (s *Billing) SetDefaultPaymentMethod(ctx context.Context, req *paymentsv1.SetDefaultPaymentMethodRequest) (*paymentsv1.SetDefaultPaymentMethodResponse, error) {
	card, err := s.app.SetDefaultPaymentMethod(ctx, customer(req), req.GetChoice().GetSetupIntentId())
	if err != nil {
		return nil, err
	}
	return &paymentsv1.SetDefaultPaymentMethodResponse{Success: true, DefaultPaymentMethod: paymentMethod(card)}, nil
}
