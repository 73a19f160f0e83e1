// Package postgres remembers mails and preferences. It implements the ports of
// package app over the queries that sqlc generates from queries/.
package postgres
