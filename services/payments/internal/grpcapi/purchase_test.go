package grpcapi_test

import (
	"strings"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/principal"
	paymentsv1 "vestibule.dev/proto/payments/v1"
)

func TestPurchaseService_wholeWay(t *testing.T) {
	h := newServer(t)
	purchases, items := paymentsv1.NewPurchaseServiceClient(h.Conn), paymentsv1.NewItemServiceClient(h.Conn)
	created, err := purchases.CreatePurchaseURL(grpctest.As(t.Context(), server), &paymentsv1.CreatePurchaseURLRequest{
		CustomerType: "user", CustomerId: strings.ToUpper(user),
		ProductInline: &paymentsv1.InlineProduct{
			DisplayName: "Deal", CustomerType: "user",
			Prices:        map[string]*paymentsv1.InlinePrice{"once": {USD: new("3")}},
			IncludedItems: map[string]*paymentsv1.InlineIncludedItem{"credits": {Quantity: new(12.5)}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	full := created.GetUrl()[strings.LastIndex(created.GetUrl(), "/")+1:]
	nobody := grpctest.As(t.Context(), principal.Principal{})

	shown, err := purchases.ValidatePurchaseCode(nobody, &paymentsv1.ValidatePurchaseCodeRequest{FullCode: full})
	if err != nil || shown.GetProduct().GetDisplayName() != "Deal" || shown.GetProjectId() != "p" || !shown.GetTestMode() ||
		shown.StripeAccountId != nil || shown.ChargesEnabled != nil || shown.ProjectLogoUrl != nil {
		t.Fatalf("ValidatePurchaseCode = %v, %v", shown, err)
	}
	if valid, err := purchases.GetReturnURLValidity(nobody, &paymentsv1.GetReturnURLValidityRequest{FullCode: full}); err != nil || !valid.GetValid() {
		t.Errorf("GetReturnURLValidity = %v, %v", valid, err)
	}
	if _, err := purchases.CreatePurchaseSession(nobody, &paymentsv1.CreatePurchaseSessionRequest{FullCode: full, PriceId: "once"}); err == nil {
		t.Error("a purchase session without payment provider")
	}
	if done, err := purchases.CreateTestModePurchase(nobody, &paymentsv1.CreateTestModePurchaseRequest{FullCode: full, PriceId: "once"}); err != nil || !done.GetSuccess() {
		t.Fatalf("CreateTestModePurchase = %v, %v", done, err)
	}
	item, err := items.GetItem(grpctest.As(t.Context(), client), &paymentsv1.GetItemRequest{CustomerType: "user", CustomerId: user, ItemId: "credits"})
	if err != nil || item.GetQuantity() != 12.5 {
		t.Errorf("GetItem = %v, %v", item, err)
	}
	_, err = purchases.ValidatePurchaseCode(nobody, &paymentsv1.ValidatePurchaseCodeRequest{FullCode: full})
	if !apierr.HasCode(err, apierr.CodeVerificationCodeNotFound) {
		t.Errorf("a spent code: %v", err)
	}
}
