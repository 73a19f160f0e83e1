// Package signuprules tells whether the condition of a sign-up rule holds
// (auth.md §4.3): a subset of the Common Expression Language whose matches takes
// regular expressions of ECMAScript.
//
// Conditions are written by project administrators and run over what strangers
// type, so both are hostile: an expression has no loops, and a regular
// expression that backtracks for too long is an error like any other.
package signuprules
