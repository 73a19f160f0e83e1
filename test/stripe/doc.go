// Package stripe promises a stand-in for the payment provider that tests can
// run a whole system against: the calls of its API that payments makes, signed
// events to the webhook, and a Stripe.js for the browser. Payments happen when
// somebody confirms them with one of the test cards.
//
// That the calls are the provider's is proved elsewhere, against the published
// description of its API (services/payments/internal/stripe).
package stripe
