// Package onetime promises that a code sent to a person works once, for a
// while, and cannot be found by trying (API contract, verification codes).
//
// A code is 45 characters: six that a person may type, and a nonce of 39 that
// the link or the page that asked for the code knows. Every attempt counts
// against every code of the branch with that nonce, before anything else is
// looked at and whatever comes of it; after twenty the code is dead. Tables
// hold keyed hashes of codes, never codes. The database's clock decides about
// expiry.
//
// To spend a code takes two steps: [Codes.Attempt], which commits by itself,
// and [Codes.Consume] in the transaction of the effect.
package onetime
