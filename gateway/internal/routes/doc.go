// Package routes promises that every request meets the checks of the API
// contract in the order of the API contract.
//
// The table of routes comes from the descriptors of the public services; an
// operation without a policy keeps the gateway from starting. [Pipeline] is the
// order of protocol §5 in one function. The few operations without a service
// behind them are in local.go.
package routes
