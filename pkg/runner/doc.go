// Package runner promises that the parts of a process live and die together,
// and in order: when it is told to stop, or when one part fails, it reports
// not ready, lets load balancers notice, drains the servers, then stops the
// workers, then closes the pools.
package runner
