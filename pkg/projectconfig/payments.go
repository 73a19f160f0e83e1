package projectconfig

import (
	"encoding/json"
	"errors"
	"slices"
)

// Payments is the catalogue of what the project sells.
type Payments struct {
	TestMode          bool                   `json:"testMode"`
	BlockNewPurchases bool                   `json:"blockNewPurchases"`
	ProductLines      map[string]ProductLine `json:"productLines"`
	Products          map[string]Product     `json:"products"`
	Items             map[string]Item        `json:"items"`
}

// ProductLine groups products of which a customer owns at most one. CustomerType
// may be empty.
type ProductLine struct {
	DisplayName  string `json:"displayName"`
	CustomerType string `json:"customerType"`
}

// Product is something a customer can own. CustomerType is user, team or custom.
type Product struct {
	DisplayName  string `json:"displayName"`
	CustomerType string `json:"customerType"`
	// ProductLineID is empty when the product is in no line.
	ProductLineID string `json:"productLineId"`
	// IsAddOnTo names the products of which the customer must own one; it is
	// empty for a product of its own.
	IsAddOnTo     AddOnTo                 `json:"isAddOnTo"`
	ServerOnly    bool                    `json:"serverOnly"`
	Stackable     bool                    `json:"stackable"`
	FreeTrial     *Interval               `json:"freeTrial"`
	Prices        Prices                  `json:"prices"`
	IncludedItems map[string]IncludedItem `json:"includedItems"`
}

// Item is something that is counted per customer.
type Item struct {
	DisplayName  string `json:"displayName"`
	CustomerType string `json:"customerType"`
}

// IncludedItem is the part of a product that adds to an item.
type IncludedItem struct {
	Quantity float64 `json:"quantity"`
	// Repeat is null when the item is added once.
	Repeat Repeat `json:"repeat"`
	// Expires is never, when-purchase-expires or when-repeated.
	Expires string `json:"expires"`
}

// AddOnTo is the set of products an add-on belongs to.
type AddOnTo IDSet

// UnmarshalJSON reads false, for no add-on, or the record of products.
func (a *AddOnTo) UnmarshalJSON(data []byte) error {
	if string(data) == "false" {
		*a = nil
		return nil
	}
	var set map[string]bool
	if err := json.Unmarshal(data, &set); err != nil {
		return errors.New("isAddOnTo is neither false nor a record")
	}
	*a = set
	return nil
}

// Prices of a product.
type Prices struct {
	// IncludeByDefault means that every customer owns the product without
	// buying it; there are no prices then.
	IncludeByDefault bool
	ByID             map[string]Price
}

// UnmarshalJSON reads the word include-by-default or the record of prices.
func (p *Prices) UnmarshalJSON(data []byte) error {
	*p = Prices{}
	if string(data) == `"include-by-default"` {
		p.IncludeByDefault = true
		return nil
	}
	return json.Unmarshal(data, &p.ByID)
}

// Currencies a price can be in, as ISO 4217 codes.
var Currencies = []string{"USD", "EUR", "GBP", "JPY", "INR", "AUD", "CAD"}

// Price is one price of a product.
type Price struct {
	// Amounts are decimal numbers in units of the currency ("9.99"), by
	// currency.
	Amounts map[string]string
	// Interval is nil for a one-time purchase.
	Interval   *Interval
	FreeTrial  *Interval
	ServerOnly bool
}

// UnmarshalJSON reads a price, whose amounts stand beside its other keys.
func (p *Price) UnmarshalJSON(data []byte) error {
	var rest struct {
		Interval   *Interval `json:"interval"`
		FreeTrial  *Interval `json:"freeTrial"`
		ServerOnly bool      `json:"serverOnly"`
	}
	if err := json.Unmarshal(data, &rest); err != nil {
		return err
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return err
	}
	*p = Price{Amounts: map[string]string{}, Interval: rest.Interval, FreeTrial: rest.FreeTrial, ServerOnly: rest.ServerOnly}
	for _, currency := range Currencies {
		raw, ok := keys[currency]
		if !ok || string(raw) == "null" {
			continue
		}
		var amount string
		if err := json.Unmarshal(raw, &amount); err != nil {
			return errors.New("the amount of a price is no string")
		}
		p.Amounts[currency] = amount
	}
	return nil
}

// Interval is a stretch of time on the calendar.
type Interval struct {
	// Count is how many units, at least 0.
	Count int
	// Unit is day, week, month or year.
	Unit string
}

var intervalUnits = []string{"day", "week", "month", "year"}

// UnmarshalJSON reads [count, unit].
func (i *Interval) UnmarshalJSON(data []byte) error {
	bad := errors.New("an interval is not [count, unit]")
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil || len(parts) != 2 {
		return bad
	}
	if json.Unmarshal(parts[0], &i.Count) != nil || json.Unmarshal(parts[1], &i.Unit) != nil ||
		i.Count < 0 || !slices.Contains(intervalUnits, i.Unit) {
		return bad
	}
	return nil
}

// Repeat says how often an included item is added: never again when Every is
// nil.
type Repeat struct {
	Every *Interval
}

// UnmarshalJSON reads an interval or the word never.
func (r *Repeat) UnmarshalJSON(data []byte) error {
	*r = Repeat{}
	if string(data) == `"never"` {
		return nil
	}
	return json.Unmarshal(data, &r.Every)
}
