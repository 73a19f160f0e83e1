// Package rewrap promises that no key of a ring is needed for ever: what a
// service has sealed under an old one is put under the current one, beside the
// traffic and without being decrypted, and it is counted what is under which
// key.
//
// A service lists its [Column]s of sealed values; [Run] and [Count] do the rest.
package rewrap
