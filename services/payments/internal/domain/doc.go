// Package domain knows what is sold, who owns it and how much of an item a
// customer has. It is pure: no I/O, no clock, no context. Amounts and
// quantities are exact decimals; no floating point takes part in them.
package domain
