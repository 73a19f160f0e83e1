// Package postgres remembers who has what. It implements the ports of package
// app over the queries that sqlc generates from queries/.
package postgres
