// Package footprint promises that a process holds the memory that its work
// needs, and not what starting took, or a burst of work that is over.
package footprint
