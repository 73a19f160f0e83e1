package transcode

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	paymentsv1 "vestibule.dev/proto/payments/v1"
	typesv1 "vestibule.dev/proto/types/v1"
)

// Where the order of an object's members means something, it reaches callers,
// who see no positions.
func TestMarshal_positions_areTheOrder(t *testing.T) {
	price := func(position *int32, amount string) *paymentsv1.InlinePrice {
		return &paymentsv1.InlinePrice{Position: position, USD: &amount}
	}
	owned := func(prices map[string]*paymentsv1.InlinePrice) *paymentsv1.ListProductsResponse {
		return &paymentsv1.ListProductsResponse{Items: []*paymentsv1.OwnedProduct{{Product: &paymentsv1.InlineProduct{
			DisplayName: "\"Plan\" <é>", Prices: prices, ServerMetadata: structpb.NewStringValue("z"),
		}}}}
	}
	const before, after = `{"items":[{"id":null,"quantity":0,"product":{"display_name":"\"Plan\" <é>","customer_type":"","prices":{`,
		`},"included_items":{},"client_metadata":null,"client_read_only_metadata":null,"server_metadata":"z"},"type":"","subscription":null}],"is_paginated":false,"pagination":null}`
	for _, tt := range []struct {
		name    string
		message proto.Message
		want    string
	}{
		{"in a list", owned(map[string]*paymentsv1.InlinePrice{
			"a": price(new(int32(2)), "1"), "b": price(new(int32(0)), "2"), "c": price(nil, "3"), "d": price(new(int32(10)), "4"), "\"": price(new(int32(1)), "5"),
		}), before + `"b":{"USD":"2"},"\"":{"USD":"5"},"a":{"USD":"1"},"d":{"USD":"4"},"c":{"USD":"3"}` + after},
		{"none", owned(nil), before + after},
		{"in another message", &paymentsv1.Checkout{Purchase: &paymentsv1.ValidatePurchaseCodeResponse{}},
			`{"purchase":{"product":null,"stripe_account_id":null,"project_id":"","project_logo_url":null,"already_bought_non_stackable":false,"conflicting_products":[],"test_mode":false,"charges_enabled":null},` +
				`"project_display_name":"","project_logo_dark_url":null,"price_ids":[],"items":[],"stripe_publishable_key":null,"blocked":false}`},
		{"without positions", &typesv1.Success{Success: true}, `{"success":true}`},
	} {
		if got, err := newMarshaler(false).Marshal(tt.message); err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v;\nwant %s", tt.name, got, err, tt.want)
		}
	}
	if orderOf((&typesv1.Success{}).ProtoReflect().Descriptor()) != nil {
		t.Error("an answer without positions is written twice")
	}
}
