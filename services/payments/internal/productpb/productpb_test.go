package productpb_test

import (
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/pbjson"
	paymentsv1 "vestibule.dev/proto/payments/v1"
	"vestibule.dev/services/payments/internal/productpb"
)

func parse(t *testing.T, text string) *paymentsv1.InlineProduct {
	t.Helper()
	message := &paymentsv1.InlineProduct{}
	if err := protojson.Unmarshal([]byte(text), message); err != nil {
		t.Fatal(err)
	}
	return message
}

// What is left out gets the defaults of inline products, stackable is never
// taken over, and the free trial of the product is not shown.
func TestProduct_shownAgain(t *testing.T) {
	for sent, want := range map[string]string{
		`{"display_name": "Deal", "customer_type": "custom", "stackable": true, "free_trial": [7, "day"],
			"prices": {"b": {"USD": "1.50", "JPY": "300", "interval": [1, "month"], "free_trial": [2, "week"]}, "a": {"EUR": "7"}},
			"included_items": {"x": {}, "y": {"quantity": 0.1, "repeat": [3, "day"], "expires": "when-repeated"}, "z": {"repeat": "never"}},
			"client_metadata": {"k": null}, "server_metadata": [1]}`: `{"display_name":"Deal","customer_type":"custom","server_only":true,"stackable":false,` +
			`"prices":{"a":{"position":0,"EUR":"7"},"b":{"position":1,"USD":"1.50","JPY":"300","interval":[1,"month"],"free_trial":[2,"week"]}},` +
			`"included_items":{"x":{"quantity":0,"repeat":"never","expires":"never"},"y":{"quantity":0.1,"repeat":[3,"day"],"expires":"when-repeated"},"z":{"quantity":0,"repeat":"never","expires":"never"}},` +
			`"client_metadata":{"k":null},"client_read_only_metadata":null,"server_metadata":[1]}`,
		`{"display_name": "", "customer_type": "user", "server_only": false}`: `{"display_name":"Product","customer_type":"user","server_only":false,"stackable":false,"prices":{},"included_items":{},` +
			`"client_metadata":null,"client_read_only_metadata":null,"server_metadata":null}`,
	} {
		product, err := productpb.Product(parse(t, sent), "body")
		if err != nil {
			t.Fatal(err)
		}
		shown, err := productpb.Inline(product)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pbjson.Marshal(shown); err != nil || !proto.Equal(shown, parse(t, want)) {
			t.Errorf("shown as %s, %v;\nwant %s", got, err, want)
		}
	}
}

// The first price counts where none is named (payments.md §2.1, §7.2).
func TestProduct_prices_stayInTheirOrder(t *testing.T) {
	for sent, want := range map[string]string{
		`{"a": {"USD": "1", "position": 2}, "b": {"USD": "1", "position": 0}, "c": {"USD": "1", "position": 1}}`: "bca",
		`{"b": {"USD": "1"}, "a": {"USD": "1"}}`: "ab", // of a caller by gRPC who does not say
	} {
		product, err := productpb.Product(parse(t, `{"display_name": "Deal", "customer_type": "custom", "prices": `+sent+`}`), "body")
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, price := range product.Prices.ByID {
			got += price.ID
		}
		if got != want {
			t.Errorf("%s: in the order %s, want %s", sent, got, want)
		}
		shown, err := productpb.Inline(product)
		if err != nil {
			t.Fatal(err)
		}
		for id, price := range shown.GetPrices() {
			if price.Position == nil || id != want[*price.Position:][:1] {
				t.Errorf("%s: %s is shown at %v, want the order %s", sent, id, price.Position, want)
			}
		}
	}
}

func TestProduct_malformed_isSchemaError(t *testing.T) {
	for _, sent := range []string{
		`{"prices": {"p": {}}}`,
		`{"prices": {"p": {"USD": "1.001"}}}`,
		`{"prices": {"p": {"USD": "-1"}}}`,
		`{"prices": {"p": {"USD": "1", "interval": [0, "day"]}}}`,
		`{"prices": {"p": {"USD": "1", "interval": ["day", 1]}}}`,
		`{"prices": {"p": {"USD": "1", "free_trial": []}}}`,
		`{"free_trial": [1.5, "day"]}`,
		`{"included_items": {"i": {"repeat": "weekly"}}}`,
		`{"included_items": {"i": {"repeat": 7}}}`,
		`{"included_items": {"i": {"repeat": null}}}`,
		`{"included_items": {"i": {"repeat": [1, "hour"]}}}`,
	} {
		if product, err := productpb.Product(parse(t, sent), "body"); !apierr.HasCode(err, apierr.CodeSchemaError) {
			t.Errorf("%s is read as %+v, %v", sent, product, err)
		}
	}
}
