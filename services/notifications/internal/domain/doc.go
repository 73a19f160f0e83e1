// Package domain knows what a mail is, what becomes of it and how fast a tenant
// may send. It is pure: no I/O, no clock, no context.
package domain
