// Package passkey checks what authenticators say when a passkey is registered
// or used (WebAuthn Level 3). It decides nothing about users.
package passkey
