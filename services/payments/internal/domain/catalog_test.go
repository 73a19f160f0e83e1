package domain

import (
	"encoding/json"
	"slices"
	"testing"
)

const catalog = `{"auth": {}, "payments": {"testMode": true, "blockNewPurchases": false,
	"productLines": {"plans": {"displayName": "Plans", "customerType": "user"}},
	"items": {"credits": {"displayName": "Credits", "customerType": "user"}},
	"products": {
		"pro": {"displayName": "Pro", "customerType": "user", "productLineId": "plans", "isAddOnTo": false, "serverOnly": false,
			"prices": {"yearly": {"USD": "99.90", "JPY": "9000", "interval": [1, "year"], "serverOnly": false},
				"monthly": {"USD": "9.99", "interval": [1, "month"], "freeTrial": [7, "day"], "serverOnly": false}, "once": {"EUR": "500", "serverOnly": true}},
			"includedItems": {"credits": {"quantity": 12.5, "repeat": [1, "month"], "expires": "when-repeated"}}},
		"extra": {"displayName": "Extra", "customerType": "user", "isAddOnTo": {"pro": true, "team": true}, "serverOnly": true, "stackable": true,
			"prices": "include-by-default", "includedItems": {"seats": {"quantity": 1, "repeat": "never", "expires": "never"}}}
	}}}`

func TestParseCatalog_order_isKept(t *testing.T) {
	parsed, err := ParseCatalog([]byte(catalog))
	if err != nil {
		t.Fatal(err)
	}
	pro, ok := parsed.Products.Get("pro")
	if !ok || len(parsed.Products) != 2 || parsed.Products[0].ID != "pro" {
		t.Fatalf("products are %v", parsed.Products)
	}
	var order []string
	for _, price := range pro.Prices.ByID {
		order = append(order, price.ID)
	}
	if !slices.Equal(order, []string{"yearly", "monthly", "once"}) {
		t.Errorf("prices are in the order %v", order)
	}
	if recurring := pro.Recurring(); len(recurring) != 2 || recurring[0].ID != "yearly" {
		t.Errorf("recurring prices are %v", recurring)
	}
	if credits, ok := pro.IncludedItems.Get("credits"); !ok || credits.Quantity.String() != "12.5" || *credits.Repeat.Every != (Interval{1, "month"}) {
		t.Errorf("included credits are %+v", credits)
	}
	extra, _ := parsed.Products.Get("extra")
	if !slices.Equal(extra.AddOnTo, AddOnTo{"pro", "team"}) || !extra.Prices.IncludeByDefault || pro.IsAddOn() {
		t.Errorf("extra is %+v", extra)
	}
}

func TestParseCatalog_malformedProduct_leavesTheOthers(t *testing.T) {
	for text, want := range map[string]string{
		`{"prices": {"monthly": {"EUR": "1", "USD": "1.234", "interval": [1, "month"]}}}`: `monthly: USD is not an amount of money such as "9.99"`,
		`{"prices": {"once": {"USD": "12,50"}}}`:                                          `once: USD is not an amount of money such as "9.99"`,
		`{"prices": {"once": {"JPY": "1.5"}}}`:                                            `once: JPY is not an amount of money such as "9.99"`,
	} {
		parsed, err := ParseCatalog([]byte(`{"payments": {"products": {"bad": ` + text + `, "good": {"prices": {"once": {"USD": "1"}}}}}}`))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if len(parsed.Products) != 1 || parsed.Products[0].ID != "good" {
			t.Errorf("%s leaves %v", text, parsed.Products)
		}
		if fault := parsed.Malformed["bad"]; fault == nil || fault.Error() != want || len(parsed.Malformed) != 1 {
			t.Errorf("%s is malformed for %v, want %s", text, parsed.Malformed, want)
		}
	}
}

// A snapshot is written and read again without loss.
func TestProduct_json_survives(t *testing.T) {
	parsed, err := ParseCatalog([]byte(catalog))
	if err != nil {
		t.Fatal(err)
	}
	for _, product := range parsed.Products {
		once, err := json.Marshal(product.Value)
		if err != nil {
			t.Fatal(err)
		}
		var read Product
		if err := json.Unmarshal(once, &read); err != nil {
			t.Fatal(err)
		}
		twice, err := json.Marshal(read)
		if err != nil || string(twice) != string(once) {
			t.Errorf("%s became %s, %v", once, twice, err)
		}
	}
}

func TestProduct_malformed_isRefused(t *testing.T) {
	for _, text := range []string{
		`{"prices": {"p": {"USD": "1.234"}}}`,
		`{"prices": {"p": {"USD": 1}}}`,
		`{"prices": {"p": {"USD": "1", "interval": [0, "day"]}}}`,
		`{"prices": {"p": {"USD": "1", "interval": [1, "hour"]}}}`,
		`{"prices": {"p": {"USD": "1", "interval": [1.5, "day"]}}}`,
		`{"prices": {"p": {"USD": "1", "interval": [1]}}}`,
		`{"prices": []}`,
		`{"includedItems": {"i": {"quantity": "1"}}}`,
		`{"includedItems": {"i": {"repeat": "always"}}}`,
		`{"includedItems": {"i": {"expires": "soon"}}}`,
		`{"isAddOnTo": true}`,
		`{"freeTrial": "week"}`,
	} {
		var product Product
		if err := json.Unmarshal([]byte(text), &product); err == nil {
			t.Errorf("%s is read as %+v", text, product)
		}
	}
	var bare Product
	if err := json.Unmarshal([]byte(`{"includedItems": {"i": {"quantity": 1}}}`), &bare); err != nil {
		t.Fatal(err)
	}
	if item := bare.IncludedItems[0].Value; item.Expires != ExpiresNever || item.Repeat.Every != nil {
		t.Errorf("an included item without further keys is %+v", item)
	}
}

func TestValidID(t *testing.T) {
	for text, want := range map[string]bool{"a": true, "_x-1": true, "-x": false, "": false, "a b": false, "é": false} {
		if ValidID(text) != want {
			t.Errorf("ValidID(%q) = %v", text, !want)
		}
	}
}
