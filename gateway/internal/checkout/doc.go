// Package checkout promises the page where a purchase URL leads: what is
// bought, the way to pay for it, and the way back (payments.md §6.6).
//
// It is files and nothing more. What they show they ask the API for, so that
// the gateway knows nothing of purchases.
package checkout
