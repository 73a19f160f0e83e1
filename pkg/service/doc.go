// Package service promises that every service of the platform is configured,
// started, observed, migrated and stopped alike.
//
// A service describes itself by a Command; Main does the rest:
//
//	<name> serve                      run the service
//	<name> migrate                    bring the database's schema up to date
//	<name> outbox status              tell how far the relay is behind
//	<name> outbox replay --since 1h   publish events again under their ids
//	<name> encryption-keys status     tell how much is sealed under which key
//	<name> encryption-keys rewrap     put everything under the first key of the ring
//	<name> credential keygen          make a key for service credentials
//	<name> credential issue …         make a service credential
//	<name> health                     tell whether the service on this machine is ready
//	<name> version                    tell what is running
package service
