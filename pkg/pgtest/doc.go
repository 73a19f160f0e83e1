// Package pgtest promises each test a real Postgres database of its own, with
// the schema of its service, within milliseconds.
//
// The databases live in one throwaway cluster: the one that
// VESTIBULE_TEST_POSTGRES_URL names, or one that the first test of a process
// starts and that ends with the process. Each distinct schema is migrated once
// into a template; a test gets a clone of it.
package pgtest
