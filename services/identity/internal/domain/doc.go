// Package domain knows what a user is and what must hold for them: names,
// addresses, passwords, pictures and restriction. It is pure: no I/O, no clock,
// no context.
package domain
