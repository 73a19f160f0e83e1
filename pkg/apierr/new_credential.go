package apierr

// PasskeyRegistrationFailed is for an untrusted origin or an attestation that
// cannot be verified. An empty message means the usual sentence.
func PasskeyRegistrationFailed(message string) *Error {
	return withMessage(CodePasskeyRegistrationFailed, message)
}

// PasskeyAuthenticationFailed is for an unknown credential, an untrusted origin
// or a bad signature. An empty message means the usual sentence.
func PasskeyAuthenticationFailed(message string) *Error {
	return withMessage(CodePasskeyAuthenticationFailed, message)
}

// PasswordAuthenticationNotEnabled is for a password endpoint while sign-in
// with passwords is off.
func PasswordAuthenticationNotEnabled() *Error {
	return known(CodePasswordAuthenticationNotEnabled, nil)
}

// EmailPasswordMismatch is for an unknown address, a user without password or a
// wrong password, which stay indistinguishable.
func EmailPasswordMismatch() *Error {
	return known(CodeEmailPasswordMismatch, nil)
}

// PasswordTooShort is for a password of fewer than minLength characters.
func PasswordTooShort(minLength int) *Error {
	return known(CodePasswordTooShort, map[string]any{"min_length": float64(minLength)})
}

// PasswordTooLong is for a password of more than maxLength characters, or of
// more bytes than bcrypt reads.
func PasswordTooLong(maxLength int) *Error {
	return known(CodePasswordTooLong, map[string]any{"maxLength": float64(maxLength)})
}

// UserDoesNotHavePassword is for changing a password that does not exist.
func UserDoesNotHavePassword() *Error {
	return known(CodeUserDoesNotHavePassword, nil)
}

// PasswordConfirmationMismatch is for changing a password with a wrong old one.
func PasswordConfirmationMismatch() *Error {
	return known(CodePasswordConfirmationMismatch, nil)
}

// VerificationCodeNotFound is for a code of no such kind in this project and
// branch, and an unknown team invitation.
func VerificationCodeNotFound() *Error {
	return known(CodeVerificationCodeNotFound, nil)
}

// VerificationCodeExpired is for a code past its expiry.
func VerificationCodeExpired() *Error {
	return known(CodeVerificationCodeExpired, nil)
}

// VerificationCodeAlreadyUsed is for a code that was consumed before.
func VerificationCodeAlreadyUsed() *Error {
	return known(CodeVerificationCodeAlreadyUsed, nil)
}

// VerificationCodeMaxAttemptsReached is for a code that was tried too often.
func VerificationCodeMaxAttemptsReached() *Error {
	return known(CodeVerificationCodeMaxAttemptsReached, nil)
}

// RedirectURLNotWhitelisted is for a callback or redirect URL that the project
// does not trust.
func RedirectURLNotWhitelisted(redirectURL string) *Error {
	return known(CodeRedirectURLNotWhitelisted, map[string]any{"redirect_url": redirectURL})
}

// MultiFactorAuthenticationRequired is for a right first factor of a user who
// also has a second; attemptCode is the 45-character code that continues the
// sign-in.
func MultiFactorAuthenticationRequired(attemptCode string) *Error {
	return known(CodeMultiFactorAuthenticationRequired, map[string]any{"attempt_code": attemptCode})
}

// InvalidTOTPCode is for a wrong code of an authenticator app.
func InvalidTOTPCode() *Error {
	return known(CodeInvalidTOTPCode, nil)
}

// PasskeyAuthenticationNotEnabled is for a passkey endpoint while passkeys are
// off.
func PasskeyAuthenticationNotEnabled() *Error {
	return known(CodePasskeyAuthenticationNotEnabled, nil)
}
