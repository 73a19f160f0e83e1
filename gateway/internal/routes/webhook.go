package routes

import (
	"context"
	"io"
	"log/slog"
	"net/http"

	"google.golang.org/grpc"

	"vestibule.dev/gateway/internal/authn"
	"vestibule.dev/gateway/internal/transcode"
	"vestibule.dev/pkg/grpcx"
	paymentsv1 "vestibule.dev/proto/payments/v1"
	policyv1 "vestibule.dev/proto/policy/v1"
)

// maxEvent is the largest event of the payment provider, which are some
// kilobytes.
const maxEvent = 1<<20 - 1

// stripeWebhook hands what the payment provider tells to payments
// (payments.md §9.3). The signature is over the bytes that were sent, so they
// are handed over as they are; whoever has no signature has no say. Until that is
// known a body gets the room that those of everybody get.
func stripeWebhook(payments grpc.ClientConnInterface, bodies *transcode.BodyReader, log *slog.Logger) *Route {
	client := paymentsv1.NewStripeInternalServiceClient(payments)
	handle := func(w http.ResponseWriter, r *http.Request, _ authn.Identity) {
		payload, release, err := bodies.ReadRaw(r, maxEvent)
		if err != nil {
			transcode.RenderError(w, err)
			return
		}
		defer release()
		ctx, cancel := context.WithTimeout(r.Context(), transcode.Timeout)
		defer cancel()
		_, err = client.HandleStripeEvent(ctx, &paymentsv1.HandleStripeEventRequest{Payload: payload, Signature: r.Header.Get("Stripe-Signature")})
		if err != nil {
			known := grpcx.FromStatus(err)
			transcode.LogError(r.Context(), log, known)
			transcode.RenderError(w, known)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, `{"received":true}`)
	}
	return &Route{
		Method: http.MethodPost, Pattern: "/api/v1/integrations/stripe/webhooks", local: handle,
		Policy: &policyv1.Method{Public: true, Rate: policyv1.Rate_RATE_DEFAULT},
	}
}
