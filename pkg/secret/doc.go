// Package secret promises that passwords, tokens and keys are stored in a form
// that is of no use to a thief of the database, and that they never show up in
// a log by accident.
//
//   - [Secret] is a string that prints ***.
//   - [Hasher] hashes and verifies passwords with bounded processor time and
//     memory.
//   - [Box] encrypts what has to be read back, under a [KeyRing] that can be
//     rotated.
//   - [HashToken] and [HMAC] are for what only has to be recognised: the first
//     for tokens of full entropy, the second for short codes and look-up keys.
package secret
