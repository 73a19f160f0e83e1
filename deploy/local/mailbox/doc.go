// Package mailbox is a mail server that keeps what it gets and shows it: SMTP
// in, a web page and a part of Mailpit's HTTP API out. No mail ever leaves it.
//
// Two local parts provoke failures, so that senders can be tested against
// them: a recipient tempfail@… is refused with 450 (try again later) and
// reject@… with 554 (never try again), at any domain.
package mailbox
