// Package footprint promises that a process that has started holds the memory
// that its work needs, and not what starting took.
package footprint
