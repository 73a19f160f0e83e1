// Package service promises that every service of the platform is configured,
// started, observed, migrated and stopped alike.
//
// A service describes itself by a Command; Main does the rest:
//
//	<name> serve                      run the service
//	<name> migrate                    bring the database's schema up to date
//	<name> outbox status              tell how far the relay is behind
//	<name> outbox replay --since 1h   publish events again under their ids
//	<name> credential keygen          make a key for service credentials
//	<name> credential issue …         make a service credential
//	<name> version                    tell what is running
package service
