// Package oidctest promises a real OpenID provider for tests: discovery, PKCE,
// signed identity tokens, rotating refresh tokens and user info, on a port of
// its own. Only its log-in page is short: whoever comes is let in as the person
// that the test chose.
package oidctest
