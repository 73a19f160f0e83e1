// Package clients asks the other contexts what the sessions context needs to
// know of them.
package clients
