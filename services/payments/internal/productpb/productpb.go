// Package productpb gives products their public representation, for requests,
// answers and events alike.
package productpb

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/pbjson"
	paymentsv1 "vestibule.dev/proto/payments/v1"
	"vestibule.dev/services/payments/internal/domain"
)

// Unordered is [Inline] for where the order of prices is lost anyway: an answer
// as a Struct.
func Unordered(product *domain.Product) (*paymentsv1.InlineProduct, error) {
	message, err := Inline(product)
	for _, price := range message.GetPrices() {
		price.Position = nil
	}
	return message, err
}

// Inline is the representation of a product (payments.md §4.2).
func Inline(product *domain.Product) (*paymentsv1.InlineProduct, error) {
	message := &paymentsv1.InlineProduct{
		DisplayName:   product.Name(),
		CustomerType:  string(product.CustomerType),
		ServerOnly:    &product.ServerOnly,
		Stackable:     &product.Stackable,
		Prices:        make(map[string]*paymentsv1.InlinePrice, len(product.Prices.ByID)),
		IncludedItems: make(map[string]*paymentsv1.InlineIncludedItem, len(product.IncludedItems)),
	}
	for i, price := range product.Prices.ByID {
		shown := &paymentsv1.InlinePrice{Position: new(int32(i)), Interval: list(price.Value.Interval), FreeTrial: list(price.Value.FreeTrial)}
		for _, amount := range price.Value.Amounts {
			*currencyField(shown, amount.Currency) = &amount.Text
		}
		message.Prices[price.ID] = shown
	}
	for _, item := range product.IncludedItems {
		repeat := structpb.NewStringValue("never")
		if every := list(item.Value.Repeat.Every); every != nil {
			repeat = structpb.NewListValue(every)
		}
		message.IncludedItems[item.ID] = &paymentsv1.InlineIncludedItem{
			Quantity: proto.Float64(item.Value.Quantity.Float64()), Repeat: repeat, Expires: proto.String(string(item.Value.Expires)),
		}
	}
	var err error
	if message.ClientMetadata, err = pbjson.Value(product.ClientMetadata); err != nil {
		return nil, err
	}
	if message.ClientReadOnlyMetadata, err = pbjson.Value(product.ClientReadOnlyMetadata); err != nil {
		return nil, err
	}
	if message.ServerMetadata, err = pbjson.Value(product.ServerMetadata); err != nil {
		return nil, err
	}
	return message, nil
}

func list(interval *domain.Interval) *structpb.ListValue {
	if interval == nil {
		return nil
	}
	return &structpb.ListValue{Values: []*structpb.Value{
		structpb.NewNumberValue(float64(interval.Count)), structpb.NewStringValue(interval.Unit),
	}}
}

// currencyField is the field of a price that holds the amount in a currency.
func currencyField(price *paymentsv1.InlinePrice, currency domain.Currency) **string {
	switch currency {
	case "EUR":
		return &price.EUR
	case "GBP":
		return &price.GBP
	case "JPY":
		return &price.JPY
	case "INR":
		return &price.INR
	case "AUD":
		return &price.AUD
	case "CAD":
		return &price.CAD
	default:
		return &price.USD
	}
}

// Product reads a product that a caller described. It is in no line, no add-on
// and not stackable, whatever was sent. Its prices are in the order in which
// they were written, or else of their ids. Errors are SCHEMA_ERRORs that name
// the field below path.
func Product(message *paymentsv1.InlineProduct, path string) (*domain.Product, error) {
	product := &domain.Product{
		DisplayName:  message.GetDisplayName(),
		CustomerType: domain.CustomerType(message.GetCustomerType()),
		ServerOnly:   message.ServerOnly == nil || message.GetServerOnly(),
	}
	var err error
	if product.FreeTrial, err = interval(message.GetFreeTrial(), path+".free_trial"); err != nil {
		return nil, err
	}
	prices := message.GetPrices()
	for _, id := range slices.SortedFunc(maps.Keys(prices), func(a, b string) int {
		return cmp.Or(cmp.Compare(prices[a].GetPosition(), prices[b].GetPosition()), cmp.Compare(a, b))
	}) {
		value, err := price(prices[id], path+".prices."+id)
		if err != nil {
			return nil, err
		}
		product.Prices.ByID = append(product.Prices.ByID, domain.Member[domain.Price]{ID: id, Value: value})
	}
	for _, id := range slices.Sorted(maps.Keys(message.GetIncludedItems())) {
		value, err := includedItem(message.GetIncludedItems()[id], path+".included_items."+id)
		if err != nil {
			return nil, err
		}
		product.IncludedItems = append(product.IncludedItems, domain.Member[domain.IncludedItem]{ID: id, Value: value})
	}
	if product.ClientMetadata, err = pbjson.Text(message.GetClientMetadata()); err != nil {
		return nil, err
	}
	if product.ClientReadOnlyMetadata, err = pbjson.Text(message.GetClientReadOnlyMetadata()); err != nil {
		return nil, err
	}
	if product.ServerMetadata, err = pbjson.Text(message.GetServerMetadata()); err != nil {
		return nil, err
	}
	return product, nil
}

func price(message *paymentsv1.InlinePrice, path string) (price domain.Price, err error) {
	for _, currency := range domain.Currencies {
		text := *currencyField(message, currency)
		if text == nil {
			continue
		}
		if err := domain.CheckAmount(currency, *text); err != nil {
			return price, apierr.SchemaError(fmt.Sprintf("%s.%s must be an amount of money such as \"9.99\"", path, currency))
		}
		price.Amounts = append(price.Amounts, domain.Amount{Currency: currency, Text: *text})
	}
	if len(price.Amounts) == 0 {
		return price, apierr.SchemaError(path + " must name an amount in at least one currency")
	}
	if price.Interval, err = interval(message.GetInterval(), path+".interval"); err != nil {
		return price, err
	}
	price.FreeTrial, err = interval(message.GetFreeTrial(), path+".free_trial")
	return price, err
}

func includedItem(message *paymentsv1.InlineIncludedItem, path string) (item domain.IncludedItem, err error) {
	item.Expires = domain.ExpiresNever
	if message.Expires != nil {
		item.Expires = domain.Expiry(message.GetExpires())
	}
	if item.Quantity, err = domain.ParseDecimal(strconv.FormatFloat(message.GetQuantity(), 'f', -1, 64)); err != nil {
		return item, apierr.SchemaError(path + ".quantity is not a number")
	}
	switch repeat := message.GetRepeat().GetKind().(type) {
	case nil:
	case *structpb.Value_ListValue:
		item.Repeat.Every, err = interval(repeat.ListValue, path+".repeat")
	case *structpb.Value_StringValue:
		if repeat.StringValue == "never" {
			break
		}
		err = apierr.SchemaError(path + ".repeat must be \"never\" or [count, unit]")
	default:
		err = apierr.SchemaError(path + ".repeat must be \"never\" or [count, unit]")
	}
	return item, err
}

func interval(list *structpb.ListValue, path string) (*domain.Interval, error) {
	if list == nil {
		return nil, nil
	}
	text, err := protojson.Marshal(list)
	if err != nil {
		return nil, err
	}
	read := &domain.Interval{}
	if err := json.Unmarshal(text, read); err != nil {
		return nil, apierr.SchemaError(path + " " + err.Error())
	}
	return read, nil
}
