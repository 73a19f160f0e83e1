package domain

import (
	"encoding/json"
	"slices"
)

// Catalog is what a project sells: the payments section of its configuration.
// It is shared between goroutines: treat it as read-only.
type Catalog struct {
	// TestMode lets purchases be settled without money.
	TestMode          bool                 `json:"testMode"`
	BlockNewPurchases bool                 `json:"blockNewPurchases"`
	Lines             map[string]Line      `json:"productLines"`
	Products          Record[Product]      `json:"-"`
	Items             map[string]ItemTitle `json:"items"`
	// Malformed are the products that cannot be sold as they are written, and why.
	Malformed map[string]error `json:"-"`
}

// Line is a group of products of which a customer owns at most one, add-ons
// aside.
type Line struct {
	DisplayName  string       `json:"displayName"`
	CustomerType CustomerType `json:"customerType"`
}

// ItemTitle describes an item.
type ItemTitle struct {
	DisplayName string `json:"displayName"`
	// CustomerType may be empty.
	CustomerType CustomerType `json:"customerType"`
}

// ParseCatalog reads the payments section of a rendered configuration. The
// configuration takes what looks like an amount of money and is none (projects.md
// §7.3); a product with such an amount stops nobody from buying another one.
func ParseCatalog(rendered []byte) (*Catalog, error) {
	var config struct {
		Payments struct {
			Catalog

			Written Record[json.RawMessage] `json:"products"`
		} `json:"payments"`
	}
	if err := json.Unmarshal(rendered, &config); err != nil {
		return nil, err
	}
	catalog := config.Payments.Catalog
	catalog.Malformed = map[string]error{}
	for _, written := range config.Payments.Written {
		product := Member[Product]{ID: written.ID}
		if err := json.Unmarshal(written.Value, &product.Value); err != nil {
			catalog.Malformed[written.ID] = err
			continue
		}
		catalog.Products = append(catalog.Products, product)
	}
	return &catalog, nil
}

// SwitchOptions are the products that a subscription to an owned one can be
// switched to, in the order of the configuration and with their recurring
// prices alone (payments.md §7.1). Those for servers alone are left out unless
// hidden ones are asked for.
func (c *Catalog) SwitchOptions(owned *Owned, hidden bool) Record[Product] {
	var options Record[Product]
	for _, member := range c.Products {
		product := member.Value
		recurring := product.Recurring()
		if owned.Product.LineID == "" || product.LineID != owned.Product.LineID || member.ID == owned.Key() ||
			product.CustomerType != owned.Product.CustomerType || product.ServerOnly && !hidden ||
			product.IsAddOn() || len(recurring) == 0 {
			continue
		}
		product.Prices.ByID = slices.Clip(recurring)
		options = append(options, Member[Product]{ID: member.ID, Value: product})
	}
	return options
}
