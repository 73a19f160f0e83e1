// Package clients asks the other contexts. It implements the ports of package
// app over their internal services.
package clients
