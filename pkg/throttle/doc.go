// Package throttle promises that something happens no more often than allowed,
// across replicas and restarts, at the price of one statement.
//
// It is the generic cell rate algorithm: a key has a burst of tokens, one comes
// back each period, and all that is stored is the time at which the burst will
// be full again. The database's clock decides. A refusal writes nothing, so that
// a flood does not keep its own door shut and costs little.
package throttle
