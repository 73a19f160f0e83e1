// Package oauthprovider speaks with the OAuth providers that people sign in
// with: twelve types, each with its own endpoints and its own way to tell about
// an account (auth.md §9.2). An operator may let another provider stand in for
// any of them.
package oauthprovider
