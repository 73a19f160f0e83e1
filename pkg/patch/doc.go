// Package patch promises that "left out", "null" and "a value" stay three
// different things on the way from a PATCH body to the database.
package patch
