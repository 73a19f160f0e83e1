// Package httpx promises that HTTP cannot be turned against us: servers that
// slow, idle or verbose clients do not exhaust, outgoing requests that never
// reach an address inside the network whatever a URL, a redirect or a name
// server says, and a client address that only the configured proxy can state.
package httpx
