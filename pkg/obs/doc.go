// Package obs promises that what a process tells its operators can be joined
// by request, and gives nobody away.
//
// Every log line carries the service's name and, inside a request, the request
// id and the trace id. Secrets are masked by type (package secret), by
// attribute name and by shape; e-mail addresses are replaced by a hash that
// still tells two addresses apart. Traces and metrics leave the process only
// when an OTLP endpoint is configured, and cost nothing otherwise.
package obs
