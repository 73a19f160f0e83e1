// Package courier promises that a mail which a change calls for is handed to
// the notifications context if and only if the change was committed, and that
// no request waits for it.
//
// The mail is a row written in the transaction of the change, sealed, because
// its links hold codes. A worker hands it over until that is confirmed, at
// least once: the receiver recognises a mail by its id.
package courier
