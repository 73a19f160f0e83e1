// Package accesstoken promises that an access token of a user means the same to
// everybody who reads one: the gateway, and backends that verify tokens
// themselves.
//
// A token is verified with the published keys of its audience and by the rules
// of auth.md §2.3, without asking anybody in the usual case: keys are fetched
// when a token names one that is not known, and again now and then, so that
// keys can rotate.
package accesstoken
