// Package pg promises that a service talks to its Postgres database in one way:
// a bounded pool that survives restarts of the server, transactions that are
// repeated as a whole after a serialization failure and never nest by accident,
// round trips for nothing but what somebody waits for, and outages that reach
// callers as "try again shortly".
package pg
