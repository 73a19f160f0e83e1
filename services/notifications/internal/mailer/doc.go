// Package mailer promises that one message reaches one mail server at most once
// per call, and says in the words of the API contract why it did not
// (notifications.md §5.5).
package mailer
