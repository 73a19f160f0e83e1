// Package clock promises that code which depends on the time can be tested
// without waiting: it takes a [Clock] instead of calling time.Now.
//
// Expiry of codes, limits and everything else that is compared inside the
// database uses the database's clock. This one is for tokens, for durations and
// for what is shown to people.
package clock
