// Amounts of money and quantities are decimal text, and what is calculated with
// them is exact: no part of this file knows a floating-point number.

/** The digits of a decimal and how many of them stand after the point. */
function parse(amount) {
  const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/.exec(amount);
  const places = BigInt(fraction.length) - BigInt(exponent);
  const digits = BigInt(sign + whole + fraction);
  return places < 0n ? [digits * 10n ** -places, 0n] : [digits, places];
}

/** A count times an amount: "2.50" times 3 is "7.50". */
export function times(amount, count) {
  const [digits, places] = parse(amount);
  const product = digits * BigInt(count);
  const text = String(product < 0n ? -product : product).padStart(Number(places) + 1, "0");
  const point = text.length - Number(places);
  return (product < 0n ? "-" : "") + text.slice(0, point) + (places > 0n ? "." + text.slice(point) : "");
}

/** The amount in cents: "19.9" is 1990n. */
export function cents(amount) {
  const [digits, places] = parse(amount);
  return digits * 10n ** (2n - places);
}

/** How people write an amount of money. */
export function money(amount, currency) {
  return new Intl.NumberFormat(undefined, { style: "currency", currency }).format(amount);
}

/** How people write a quantity. */
export function plainly(quantity) {
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: 20 }).format(quantity);
}
