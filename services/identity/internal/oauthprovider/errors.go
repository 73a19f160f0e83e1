package oauthprovider

import (
	"errors"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"

	"vestibule.dev/pkg/apierr"
)

// transient reports whether a status says that asking again may help.
func transient(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// unreachable reports whether a request failed before there was an answer.
func unreachable(err error) bool {
	_, ok := errors.AsType[*url.Error](err)
	return ok
}

// exchangeError says what a failed exchange of a code means for whoever signs
// in (auth.md §9.3).
func exchangeError(err error) error {
	failure, answered := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case answered:
		return codeError(failure.ErrorCode, failure.Response.StatusCode, err)
	case unreachable(err):
		return apierr.OAuthProviderTemporarilyUnavailable().WithCause(err)
	}
	return errBadAnswer(err)
}

// codeError says what an error code of a provider means (RFC 6749 sections
// 4.1.2.1 and 5.2, and what providers made up beside).
func codeError(code string, status int, cause error) error {
	var known *apierr.Error
	switch code {
	case "access_denied", "consent_required", "user_cancelled_login", "user_cancelled_authorize":
		known = apierr.OAuthProviderAccessDenied()
	case "temporarily_unavailable", "server_error":
		known = apierr.OAuthProviderTemporarilyUnavailable()
	case "invalid_grant", "bad_verification_code":
		known = apierr.Text(http.StatusBadRequest, "The OAuth provider does not know this sign-in any more. Please begin again.")
	case "invalid_client", "unauthorized_client", "incorrect_client_credentials":
		known = apierr.Text(http.StatusBadRequest, "The OAuth provider refuses the client credentials that this project is configured with.")
	case "invalid_scope":
		known = apierr.Text(http.StatusBadRequest, "The OAuth provider does not grant the scopes that were asked for.")
	default:
		if transient(status) {
			known = apierr.OAuthProviderTemporarilyUnavailable()
		} else {
			known = apierr.Text(http.StatusBadRequest, "The OAuth provider refused the sign-in.")
		}
	}
	if cause != nil {
		known = known.WithCause(cause)
	}
	return known
}

// errBadAnswer is for a provider that does not keep to the standard, or to what
// it documents.
func errBadAnswer(cause error) error {
	return apierr.Text(http.StatusBadRequest, "The answer of the OAuth provider cannot be used.").WithCause(cause)
}
