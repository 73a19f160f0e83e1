// Package stripe is the payment provider behind app.Stripe: the calls of the
// contract (payments.md §9), made on connected accounts.
package stripe
