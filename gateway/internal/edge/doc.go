// Package edge promises that what reaches the API is bounded, identified,
// logged and cleaned of everything a caller could use to pose as the edge.
//
// chain.go lists the elements in their order; each has a file of its own.
package edge
