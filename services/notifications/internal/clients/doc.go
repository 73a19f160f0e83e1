// Package clients asks other contexts what the use cases need to know.
package clients
