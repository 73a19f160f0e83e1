package apierr

import "time"

// Reasons why a user is restricted, as sent in the details.
const (
	RestrictedAnonymous        = "anonymous"
	RestrictedEmailNotVerified = "email_not_verified"
	RestrictedByAdministrator  = "restricted_by_administrator"
)

// ExpiredToken tells what is known about an expired access token. Unknown
// parts stay zero and become null.
type ExpiredToken struct {
	ExpiredAt      time.Time
	ProjectID      string
	UserID         string
	RefreshTokenID string
}

// AccessTokenExpired is for an access token past its end, and for signing out
// without one.
func AccessTokenExpired(t ExpiredToken) *Error {
	return known(CodeAccessTokenExpired, map[string]any{
		"expired_at_millis": millisOrNull(t.ExpiredAt),
		"project_id":        orNil(t.ProjectID),
		"user_id":           orNil(t.UserID),
		"refresh_token_id":  orNil(t.RefreshTokenID),
	})
}

// UnparsableAccessToken is for an access token that is no JWT, badly signed, or
// of unknown issuer or audience.
func UnparsableAccessToken() *Error {
	return known(CodeUnparsableAccessToken, nil)
}

// InvalidProjectForAccessToken is for an access token that belongs to another
// project than the request names.
func InvalidProjectForAccessToken(expectedProjectID, actualProjectID string) *Error {
	return known(CodeInvalidProjectForAccessToken, map[string]any{
		"expected_project_id": expectedProjectID,
		"actual_project_id":   actualProjectID,
	})
}

// AnonymousAuthenticationNotAllowed is for the token of an anonymous user on a
// request that does not allow those.
func AnonymousAuthenticationNotAllowed() *Error {
	return known(CodeAnonymousAuthenticationNotAllowed, nil)
}

// RestrictedUserNotAllowed is for the token of a restricted user on a request
// that does not allow those; reason is one of the Restricted constants.
func RestrictedUserNotAllowed(reason string) *Error {
	return known(CodeRestrictedUserNotAllowed, map[string]any{"restricted_reason": map[string]any{"type": reason}})
}

// UserAuthenticationRequired is for a use case that needs a current user when
// there is none.
func UserAuthenticationRequired() *Error {
	return known(CodeUserAuthenticationRequired, nil)
}

// RefreshTokenNotFoundOrExpired is for a refresh token that is unknown in the
// project, expired, revoked or of a deleted user.
func RefreshTokenNotFoundOrExpired() *Error {
	return known(CodeRefreshTokenNotFoundOrExpired, nil)
}

// CannotDeleteCurrentSession is for deleting the caller's own session through
// the list of sessions.
func CannotDeleteCurrentSession() *Error {
	return known(CodeCannotDeleteCurrentSession, nil)
}
