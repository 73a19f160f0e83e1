// Package domain knows what a session, an access token and a signing key are
// and what must hold for them. It is pure: no I/O, no clock, no context.
package domain
