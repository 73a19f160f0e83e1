package domain

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// CustomerType says what kind of customer something is for.
type CustomerType string

// The customer types. Users and teams are those of the project; a custom
// customer is any text that means something to the developer.
const (
	CustomerUser   CustomerType = "user"
	CustomerTeam   CustomerType = "team"
	CustomerCustom CustomerType = "custom"
)

// Customer names who owns something.
type Customer struct {
	Type CustomerType
	ID   string
}

// Product is what is sold. As part of a purchase it is a snapshot, which later
// changes of the configuration do not touch. Its JSON has the keys of the
// configuration (API contract, payments §1.2).
type Product struct {
	DisplayName   string               `json:"displayName"`
	CustomerType  CustomerType         `json:"customerType"`
	LineID        string               `json:"productLineId,omitempty"`
	AddOnTo       AddOnTo              `json:"isAddOnTo"`
	ServerOnly    bool                 `json:"serverOnly"`
	Stackable     bool                 `json:"stackable"`
	FreeTrial     *Interval            `json:"freeTrial,omitempty"`
	Prices        Prices               `json:"prices"`
	IncludedItems Record[IncludedItem] `json:"includedItems"`
	// Metadata is any JSON; nil stands for null.
	ClientMetadata         json.RawMessage `json:"clientMetadata,omitempty"`
	ClientReadOnlyMetadata json.RawMessage `json:"clientReadOnlyMetadata,omitempty"`
	ServerMetadata         json.RawMessage `json:"serverMetadata,omitempty"`
}

// Name is what people call the product.
func (p *Product) Name() string {
	if p.DisplayName == "" {
		return "Product"
	}
	return p.DisplayName
}

// IsAddOn reports whether the product needs another one to be owned.
func (p *Product) IsAddOn() bool { return p.AddOnTo != nil }

// Recurring returns the prices that make a subscription.
func (p *Product) Recurring() Record[Price] {
	return slices.DeleteFunc(slices.Clone(p.Prices.ByID), func(m Member[Price]) bool { return m.Value.Interval == nil })
}

// IncludedItem is a quantity of an item that comes with a product.
type IncludedItem struct {
	Quantity Decimal `json:"quantity"`
	Repeat   Repeat  `json:"repeat"`
	Expires  Expiry  `json:"expires"`
}

// UnmarshalJSON reads an included item; without repeat and expiry it comes
// once and stays.
func (i *IncludedItem) UnmarshalJSON(data []byte) error {
	type plain IncludedItem
	read := plain{Expires: ExpiresNever}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	*i = IncludedItem(read)
	if !slices.Contains([]Expiry{ExpiresNever, ExpiresWithPurchase, ExpiresWhenRepeated}, i.Expires) {
		return errors.New("expires must be never, when-purchase-expires or when-repeated")
	}
	return nil
}

// Repeat says how often an included item comes: once when Every is nil.
type Repeat struct{ Every *Interval }

// UnmarshalJSON reads an interval or the word never.
func (r *Repeat) UnmarshalJSON(data []byte) error {
	*r = Repeat{}
	if string(data) == `"never"` {
		return nil
	}
	return json.Unmarshal(data, &r.Every)
}

// MarshalJSON writes the interval or the word never.
func (r Repeat) MarshalJSON() ([]byte, error) {
	if r.Every == nil {
		return []byte(`"never"`), nil
	}
	return json.Marshal(r.Every)
}

// AddOnTo lists the products of which an add-on needs one; nil for a product
// of its own.
type AddOnTo []string

// UnmarshalJSON reads false or the record of products.
func (a *AddOnTo) UnmarshalJSON(data []byte) error {
	*a = nil
	if string(data) == "false" {
		return nil
	}
	var bases Record[bool]
	if err := json.Unmarshal(data, &bases); err != nil {
		return errors.New("isAddOnTo must be false or an object")
	}
	*a = AddOnTo{}
	for _, base := range bases {
		if base.Value {
			*a = append(*a, base.ID)
		}
	}
	return nil
}

// MarshalJSON writes false or the record of products.
func (a AddOnTo) MarshalJSON() ([]byte, error) {
	if a == nil {
		return []byte("false"), nil
	}
	bases := Record[bool]{}
	for _, id := range a {
		bases = append(bases, Member[bool]{ID: id, Value: true})
	}
	return json.Marshal(bases)
}

// Prices of a product, in the order in which they are offered.
type Prices struct {
	// IncludeByDefault is a way of old configurations to give a product no
	// price.
	IncludeByDefault bool
	ByID             Record[Price]
}

const includeByDefault = `"include-by-default"`

// UnmarshalJSON reads the record of prices or the word include-by-default.
func (p *Prices) UnmarshalJSON(data []byte) error {
	*p = Prices{IncludeByDefault: string(data) == includeByDefault}
	if p.IncludeByDefault {
		return nil
	}
	return json.Unmarshal(data, &p.ByID)
}

// MarshalJSON writes what UnmarshalJSON reads.
func (p Prices) MarshalJSON() ([]byte, error) {
	if p.IncludeByDefault {
		return []byte(includeByDefault), nil
	}
	return json.Marshal(p.ByID)
}

// Price is one price of a product.
type Price struct {
	// Amounts are in units of the currency, as written, in the order of
	// [Currencies].
	Amounts []Amount
	// Interval is nil for a one-time purchase.
	Interval   *Interval
	FreeTrial  *Interval
	ServerOnly bool
}

// Amount is an amount of money as it was written, such as 19.99 USD.
type Amount struct {
	Currency Currency
	Text     string
}

// Value is the amount in units of the currency.
func (a Amount) Value() (Decimal, error) { return ParseDecimal(a.Text) }

// In returns the amount in a currency.
func (p *Price) In(currency Currency) (Amount, bool) {
	for _, amount := range p.Amounts {
		if amount.Currency == currency {
			return amount, true
		}
	}
	return Amount{}, false
}

// Free reports whether the price is nothing in the currency that is charged.
func (p *Price) Free() bool {
	amount, ok := p.In(USD)
	if !ok {
		return false
	}
	value, err := amount.Value()
	return err == nil && value.Sign() == 0
}

// UnmarshalJSON reads a price, whose amounts stand beside its other keys.
func (p *Price) UnmarshalJSON(data []byte) error {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return errRecord
	}
	*p = Price{}
	for _, currency := range Currencies {
		raw, ok := keys[string(currency)]
		if !ok || string(raw) == "null" {
			continue
		}
		amount := Amount{Currency: currency}
		if err := json.Unmarshal(raw, &amount.Text); err != nil {
			return errAmount
		}
		if err := CheckAmount(currency, amount.Text); err != nil {
			return fmt.Errorf("%s is %w such as \"9.99\"", currency, err)
		}
		p.Amounts = append(p.Amounts, amount)
	}
	return errors.Join(
		optional(keys["interval"], &p.Interval),
		optional(keys["freeTrial"], &p.FreeTrial),
		optional(keys["serverOnly"], &p.ServerOnly),
	)
}

func optional(raw json.RawMessage, into any) error {
	if raw == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}

// MarshalJSON writes what UnmarshalJSON reads.
func (p Price) MarshalJSON() ([]byte, error) {
	out := Record[any]{}
	for _, amount := range p.Amounts {
		out = append(out, Member[any]{ID: string(amount.Currency), Value: amount.Text})
	}
	if p.Interval != nil {
		out = append(out, Member[any]{ID: "interval", Value: p.Interval})
	}
	if p.FreeTrial != nil {
		out = append(out, Member[any]{ID: "freeTrial", Value: p.FreeTrial})
	}
	return json.Marshal(append(out, Member[any]{ID: "serverOnly", Value: p.ServerOnly}))
}

var idPattern = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,62}$`)

// ValidID reports whether text may be the id of a product, price, item or
// product line.
func ValidID(text string) bool { return idPattern.MatchString(text) }
