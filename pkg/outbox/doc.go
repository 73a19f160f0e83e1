// Package outbox promises that an event is published if and only if the change
// it tells of was committed.
//
// The change's transaction writes the event into a table; a relay publishes
// what the table holds and marks it. The table is the truth and the stream is
// transport: Replay fills a lost stream again, under the same ids. An event may
// be published more than once and, across aggregates, out of order; events of
// one aggregate are published in the order of their commits.
//
// The relay reads a batch with one statement, sends it without waiting for each
// event, and marks with another what the stream has. The order is kept by the
// stream, which takes an event of a batch only right after the one before it
// (Nats-Expected-Last-Msg-Id); what it refuses is sent once more, one by one.
package outbox
