package domain

import (
	"errors"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
)

// Ownership follows ended_at, whatever the status says (payments.md §3.4).
func TestOwned_fold(t *testing.T) {
	day := func(n int) time.Time { return at(t, "2025-01-01").AddDate(0, 0, n) }
	plan := func(product string, quantity int64, from int, end *time.Time) Subscription {
		return Subscription{
			Purchase: Purchase{ProductID: &product, Product: Product{DisplayName: product}, Quantity: quantity, CreatedAt: day(from)},
			Status:   StatusActive, EndedAt: end,
		}
	}
	inline := func(name string, from int) OneTimePurchase {
		return OneTimePurchase{Purchase: Purchase{Product: Product{DisplayName: name}, Quantity: 1, CreatedAt: day(from)}}
	}
	holdings := Holdings{
		Subscriptions: []Subscription{
			plan("a", 2, 0, new(day(10))),
			plan("a", 1, 5, nil),
			plan("b", 1, 3, new(day(3))), // over before it began
			plan("c", 1, 3, new(day(2))),
			plan("d", 1, 4, new(day(8))),
		},
		OneTime: []OneTimePurchase{inline("first", 1), inline("second", 6)},
	}
	for _, tt := range []struct {
		day  int
		want map[string]int64
	}{
		{-1, map[string]int64{}},
		{0, map[string]int64{"a": 2}},
		{5, map[string]int64{"a": 3, "d": 1, inlineKey: 1}},
		{8, map[string]int64{"a": 3, inlineKey: 2}},
		{10, map[string]int64{"a": 1, inlineKey: 2}},
	} {
		got := holdings.Owned(day(tt.day))
		if len(got) != len(tt.want) {
			t.Errorf("day %d: %+v, want %v", tt.day, got, tt.want)
		}
		for _, owned := range got {
			if owned.Quantity != tt.want[owned.Key()] {
				t.Errorf("day %d: %d of %s, want %d", tt.day, owned.Quantity, owned.Key(), tt.want[owned.Key()])
			}
			if tt.day == 8 && owned.ProductID == nil && owned.Product.DisplayName != "second" {
				t.Errorf("inline products are shown as %s, want the latest", owned.Product.DisplayName)
			}
		}
	}
}

func TestSelect_priceByDocumentOrder(t *testing.T) {
	monthly := Price{Amounts: []Amount{{USD, "1"}}, Interval: &Interval{1, "month"}}
	product := Product{Prices: Prices{ByID: Record[Price]{{"z", monthly}, {"a", Price{Amounts: []Amount{{USD, "2"}}}}}}}
	offer := Offer{Customer: Customer{CustomerUser, "u"}, Product: product}
	first, err := offer.Select(&Holdings{}, nil, 1, at(t, "2025-01-01"))
	if err != nil || first.PriceID != "z" || !first.Recurring() {
		t.Errorf("the first price is %+v, %v", first, err)
	}
	second, err := offer.Select(&Holdings{}, new("a"), 1, at(t, "2025-01-01"))
	if err != nil || second.PriceID != "a" || second.Recurring() {
		t.Errorf("the named price is %+v, %v", second, err)
	}
	for name, tt := range map[string]struct {
		product  Product
		price    *string
		quantity int64
	}{
		"unknown price":            {product, new("b"), 1},
		"two of one":               {product, new("a"), 2},
		"price of a giveaway":      {Product{Prices: Prices{IncludeByDefault: true}}, new("a"), 1},
		"add-on without its base":  {Product{AddOnTo: AddOnTo{"base"}, Prices: product.Prices}, nil, 1},
		"add-on to nothing at all": {Product{AddOnTo: AddOnTo{}, Prices: product.Prices}, nil, 1},
	} {
		offer := Offer{Product: tt.product}
		if got, err := offer.Select(&Holdings{}, tt.price, tt.quantity, at(t, "2025-01-01")); !errors.Is(err, apierr.Text(400, "")) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	none, err := (&Offer{Product: Product{Prices: Prices{IncludeByDefault: true}}}).Select(&Holdings{}, nil, 1, at(t, "2025-01-01"))
	if err != nil || none.Price != nil {
		t.Errorf("a product without prices: %+v, %v", none, err)
	}
}
