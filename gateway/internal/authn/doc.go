// Package authn promises that a request reaches a service only under the
// project, access type and user it proved to have.
//
// It follows protocol §5, steps 3 to 12: the project and its keys come from
// identity and are cached for seconds, access tokens are verified here with
// the keys sessions publishes, and the result is minted into a principal token
// that services believe and callers never see.
package authn
