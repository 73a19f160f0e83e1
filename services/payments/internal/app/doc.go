// Package app holds the use cases of the payments context, one file per verb. A
// use case decides, and opens at most one transaction; it never calls another
// service inside one.
package app
