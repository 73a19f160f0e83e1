// Package inbox promises that an event has its effect exactly once, however
// often and in whatever order the stream delivers it.
//
// The effect and a row with the event's id commit in one transaction; an event
// whose row exists is acknowledged without effect. An event that keeps failing
// is parked for an operator instead of blocking those behind it.
//
// Events of one project that wait at the same time share a transaction: one
// statement for their rows, the statements of the handler, one commit. When it
// fails, each of them is tried in one of its own. An event that comes alone does
// not wait for others.
//
// Events of one project are handled one after the other within a process.
// Replicas share a durable consumer, so across processes, and after redelivery,
// order is not kept: a projection compares the aggregate's version. An ordered
// subscription keeps order everywhere, and has one replica at a time to do so.
package inbox
