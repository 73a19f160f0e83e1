// Package clients calls the other contexts on behalf of the use cases.
package clients
