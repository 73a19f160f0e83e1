package apierr

// InvalidOAuthClientIDOrSecret is for an unknown client id, which is echoed, or
// bad client credentials, for which clientID is empty and becomes null.
func InvalidOAuthClientIDOrSecret(clientID string) *Error {
	return known(CodeInvalidOAuthClientIDOrSecret, map[string]any{"client_id": orNil(clientID)})
}

// InvalidAuthorizationCode is for an authorization code that is unknown,
// expired, used, of another project, or whose PKCE verifier does not match.
func InvalidAuthorizationCode() *Error {
	return known(CodeInvalidAuthorizationCode, nil)
}

// InvalidScope is for a scope that cannot be granted.
func InvalidScope(scope string) *Error {
	return known(CodeInvalidScope, map[string]any{"scope": scope})
}

// OuterOAuthTimeout is for a provider callback that came too long after the
// authorization began.
func OuterOAuthTimeout() *Error {
	return known(CodeOuterOAuthTimeout, nil)
}

// OAuthProviderNotFoundOrNotEnabled is for a provider id that the project's
// configuration does not have.
func OAuthProviderNotFoundOrNotEnabled() *Error {
	return known(CodeOAuthProviderNotFoundOrNotEnabled, nil)
}

// OAuthProviderAccessDenied is for a provider that reports a refused consent.
func OAuthProviderAccessDenied() *Error {
	return known(CodeOAuthProviderAccessDenied, nil)
}

// OAuthProviderTemporarilyUnavailable is for a provider that does not answer or
// fails.
func OAuthProviderTemporarilyUnavailable() *Error {
	return known(CodeOAuthProviderTemporarilyUnavailable, nil)
}

// OAuthConnectionAlreadyConnectedToAnotherUser is for linking an external
// account that signs in another user.
func OAuthConnectionAlreadyConnectedToAnotherUser() *Error {
	return known(CodeOAuthConnectionAlreadyConnectedToAnotherUser, nil)
}

// OAuthConnectionNotConnectedToUser is for an access token of an external
// account that the user does not have.
func OAuthConnectionNotConnectedToUser() *Error {
	return known(CodeOAuthConnectionNotConnectedToUser, nil)
}

// OAuthConnectionDoesNotHaveRequiredScope is for an access token for a scope
// that no stored token covers.
func OAuthConnectionDoesNotHaveRequiredScope() *Error {
	return known(CodeOAuthConnectionDoesNotHaveRequiredScope, nil)
}

// OAuthExtraScopeNotAvailableWithSharedOAuthKeys is for additional scopes of a
// provider that uses shared keys.
func OAuthExtraScopeNotAvailableWithSharedOAuthKeys() *Error {
	return known(CodeOAuthExtraScopeNotAvailableWithSharedOAuthKeys, nil)
}

// OAuthAccessTokenNotAvailableWithSharedOAuthKeys is for an access token of a
// provider that uses shared keys.
func OAuthAccessTokenNotAvailableWithSharedOAuthKeys() *Error {
	return known(CodeOAuthAccessTokenNotAvailableWithSharedOAuthKeys, nil)
}

// OAuthProviderAccountIDAlreadyUsedForSignIn is for linking for sign-in an
// external account that already signs somebody in.
func OAuthProviderAccountIDAlreadyUsedForSignIn() *Error {
	return known(CodeOAuthProviderAccountIDAlreadyUsedForSignIn, nil)
}

// InvalidStandardOAuthProviderID is for project configuration with an
// unsupported provider type.
func InvalidStandardOAuthProviderID(providerID string) *Error {
	return known(CodeInvalidStandardOAuthProviderID, map[string]any{"provider_id": providerID})
}

// AppleBundleIDNotConfigured is for native Apple sign-in in a project without
// bundle ids.
func AppleBundleIDNotConfigured() *Error {
	return known(CodeAppleBundleIDNotConfigured, nil)
}

// InvalidAppleCredentials is for a native Apple identity token that cannot be
// verified.
func InvalidAppleCredentials() *Error {
	return known(CodeInvalidAppleCredentials, nil)
}

// InvalidPollingCode is for a command-line polling code that is unknown in the
// project.
func InvalidPollingCode() *Error {
	return known(CodeInvalidPollingCode, nil)
}
