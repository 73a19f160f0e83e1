// Package ids promises identifiers and secrets that the API contract accepts
// and that nobody can guess.
//
// Public ids are UUIDs of version 4: SDKs refuse version 7. Internal rows use
// ordered ids, which keep indexes dense. Everything presentable as a bearer is
// made of lower-case Crockford base 32 characters from the operating system's
// random source, five random bits each.
package ids
