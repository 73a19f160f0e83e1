package domain

import (
	"errors"
	"math/big"
	"strings"
)

// Decimal is an exact decimal number, such as an amount of money or a quantity
// of an item. The zero value is 0. Values are immutable.
type Decimal struct{ rat *big.Rat }

// maxDecimalDigits bounds the text of a decimal; it admits every number that
// JSON readers agree on.
const maxDecimalDigits = 400

var errDecimal = errors.New("not a decimal number")

// Int returns n as a decimal.
func Int(n int64) Decimal { return Decimal{new(big.Rat).SetInt64(n)} }

// ParseDecimal reads a number as JSON writes it.
func ParseDecimal(text string) (Decimal, error) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if mantissa == "" || len(text) > maxDecimalDigits || len(exponent) > len("+308") ||
		strings.Trim(mantissa, "0123456789.-") != "" {
		return Decimal{}, errDecimal
	}
	rat, ok := new(big.Rat).SetString(text)
	if !ok {
		return Decimal{}, errDecimal
	}
	return Decimal{rat}, nil
}

func (d Decimal) value() *big.Rat {
	if d.rat == nil {
		return new(big.Rat)
	}
	return d.rat
}

// Add returns d + e.
func (d Decimal) Add(e Decimal) Decimal { return Decimal{new(big.Rat).Add(d.value(), e.value())} }

// Sub returns d − e.
func (d Decimal) Sub(e Decimal) Decimal { return Decimal{new(big.Rat).Sub(d.value(), e.value())} }

// Mul returns d × e.
func (d Decimal) Mul(e Decimal) Decimal { return Decimal{new(big.Rat).Mul(d.value(), e.value())} }

// Neg returns −d.
func (d Decimal) Neg() Decimal { return Decimal{new(big.Rat).Neg(d.value())} }

// Cmp compares d with e as [big.Rat.Cmp] does.
func (d Decimal) Cmp(e Decimal) int { return d.value().Cmp(e.value()) }

// Sign is −1, 0 or +1.
func (d Decimal) Sign() int { return d.value().Sign() }

// smaller returns the smaller of both.
func smaller(d, e Decimal) Decimal {
	if d.Cmp(e) <= 0 {
		return d
	}
	return e
}

// String is the shortest exact decimal text, without trailing zeros.
func (d Decimal) String() string {
	digits, _ := d.value().FloatPrec() // exact: only decimals are ever put in
	return d.value().FloatString(digits)
}

// Float64 is the nearest number that JSON readers keep, for answers alone.
func (d Decimal) Float64() float64 {
	f, _ := d.value().Float64()
	return f
}

// MarshalJSON writes the exact number.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalJSON reads a number.
func (d *Decimal) UnmarshalJSON(data []byte) error {
	parsed, err := ParseDecimal(string(data))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
