package grpcapi

import (
	"context"

	paymentsv1 "vestibule.dev/proto/payments/v1"
	"vestibule.dev/services/payments/internal/app"
)

// Stripe implements paymentsv1.StripeInternalServiceServer.
type Stripe struct {
	paymentsv1.UnimplementedStripeInternalServiceServer
	app *app.App
}

// HandleStripeEvent implements paymentsv1.StripeInternalServiceServer.
func (s *Stripe) HandleStripeEvent(ctx context.Context, req *paymentsv1.HandleStripeEventRequest) (*paymentsv1.HandleStripeEventResponse, error) {
	if err := s.app.HandleStripeEvent(ctx, req.GetPayload(), req.GetSignature()); err != nil {
		return nil, err
	}
	return &paymentsv1.HandleStripeEventResponse{}, nil
}
