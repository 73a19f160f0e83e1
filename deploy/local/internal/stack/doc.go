// Package stack runs the whole system on one machine: Postgres, NATS, a
// mailbox, five services and the gateway, all bound to loopback, started in
// order, kept running, and stopped in the reverse order.
//
//	settings.go   what the caller can choose (VESTIBULE_…)
//	secrets.go    what is generated once and kept
//	environ.go    what each process is told (IDENTITY_…, GATEWAY_…, …)
//	stack.go      the order of things
package stack
