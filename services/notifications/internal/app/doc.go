// Package app holds the use cases of the notifications context, one file per
// verb. A use case decides, and opens at most one transaction at a time; it
// never calls another service or a mail server inside one.
package app
