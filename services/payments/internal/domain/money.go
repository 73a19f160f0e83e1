package domain

import (
	"errors"
	"math/big"
	"slices"
	"strings"
)

// Currency is one of [Currencies], as ISO 4217 code.
type Currency string

// USD is the one currency that is charged.
const USD Currency = "USD"

// Currencies that a price may name, in the order in which they are shown. All
// but USD are stored and shown alone.
var Currencies = []Currency{USD, "EUR", "GBP", "JPY", "INR", "AUD", "CAD"}

// decimals is the number of digits after the point of the currency's smallest
// coin.
func (c Currency) decimals() int {
	if c == "JPY" {
		return 0
	}
	return 2
}

var errAmount = errors.New("not an amount of money")

// CheckAmount refuses text that is not an amount of the currency: decimal
// digits without sign and leading zeros, with at most as many decimals as the
// currency has (API contract, payments §1.4).
func CheckAmount(currency Currency, text string) error {
	whole, fraction, pointed := strings.Cut(text, ".")
	switch {
	case !slices.Contains(Currencies, currency), len(text) > maxDecimalDigits,
		!digits(whole), len(whole) > 1 && whole[0] == '0',
		pointed && !digits(fraction), len(fraction) > currency.decimals():
		return errAmount
	}
	return nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// ParsePercent reads a percentage from 0 to 100 with at most two decimals; empty
// text is 0.
func ParsePercent(text string) (Decimal, error) {
	if text == "" {
		return Decimal{}, nil
	}
	if err := CheckAmount(USD, text); err != nil {
		return Decimal{}, errPercent
	}
	percent, err := ParseDecimal(text)
	if err != nil || percent.Cmp(Int(100)) > 0 {
		return Decimal{}, errPercent
	}
	return percent, nil
}

var errPercent = errors.New("not a percentage such as 2.5")

// Share is a percentage of an amount in the currency's smallest coin; what is
// left of a coin is not part of it.
func Share(units int64, percent Decimal) int64 {
	share := percent.Mul(Int(units)).value()
	return new(big.Int).Div(share.Num(), new(big.Int).Mul(share.Denom(), big.NewInt(100))).Int64()
}

// MinorUnits is an amount in the currency's smallest coin, as "19.99" USD is
// 1999.
func MinorUnits(currency Currency, text string) (int64, error) {
	if err := CheckAmount(currency, text); err != nil {
		return 0, err
	}
	whole, fraction, _ := strings.Cut(text, ".")
	fraction += strings.Repeat("0", currency.decimals()-len(fraction))
	units, err := ParseDecimal(whole + fraction)
	if err != nil {
		return 0, err
	}
	if !units.value().Num().IsInt64() {
		return 0, errAmount
	}
	return units.value().Num().Int64(), nil
}
