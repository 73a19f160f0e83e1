// Package domain knows what a team is and what must hold for it. It is pure:
// no I/O, no clock, no context.
package domain
