// Package upstream promises one connection to every context and timely word of
// what changed in them.
package upstream
