// Package postgres gives the dev stack its databases: a cluster of its own,
// run with whatever server binaries the machine has, or a server that somebody
// else runs.
//
// The cluster lives in the data directory and is never reachable from another
// machine: it listens on loopback alone, without sockets in the file system,
// and every context signs in with a role and a password of its own.
package postgres
