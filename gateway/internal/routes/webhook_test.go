package routes

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"

	"vestibule.dev/gateway/internal/authn"
	"vestibule.dev/gateway/internal/transcode"
	paymentsv1 "vestibule.dev/proto/payments/v1"
)

// receiver stands in for payments.
type receiver struct {
	grpc.ClientConnInterface

	bodies *transcode.BodyReader
	got    *paymentsv1.HandleStripeEventRequest
	held   int64
}

func (r *receiver) Invoke(_ context.Context, _ string, request, _ any, _ ...grpc.CallOption) error {
	r.got, r.held = request.(*paymentsv1.HandleStripeEventRequest), r.bodies.Used()
	return nil
}

// Nobody needs a signature to send something: what is sent takes the room that
// all bodies share, and gives it back.
func TestStripeWebhook_events_takeRoomLikeAnyBody(t *testing.T) {
	bodies := transcode.NewBodyReader(0)
	payments := &receiver{bodies: bodies}
	route := stripeWebhook(payments, bodies, slog.New(slog.DiscardHandler))
	send := func(body []byte) int {
		r := httptest.NewRequest(http.MethodPost, route.Pattern, bytes.NewReader(body))
		r.Header.Set("Stripe-Signature", "t=1,v1=00")
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		route.local(w, r, authn.Identity{})
		return w.Code
	}
	event := bytes.Repeat([]byte(" "), 100<<10)
	if status := send(event); status != http.StatusOK || !bytes.Equal(payments.got.GetPayload(), event) || payments.got.GetSignature() != "t=1,v1=00" {
		t.Errorf("%d, %d bytes arrived", status, len(payments.got.GetPayload()))
	}
	if payments.held < int64(len(event)) || bodies.Used() != 0 {
		t.Errorf("%d bytes were held for %d, %d still are", payments.held, len(event), bodies.Used())
	}
	payments.got = nil
	if status := send(make([]byte, 1<<20)); status != http.StatusRequestEntityTooLarge || payments.got != nil {
		t.Errorf("an event of a MiB: %d", status)
	}
}
