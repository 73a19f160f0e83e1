// Package postgres remembers sessions and signing keys. It implements the ports
// of package app over the queries that sqlc generates from queries/. Refresh
// tokens are stored as hashes and private keys sealed.
package postgres
