package apierr

// SignUpRejected is for a sign-up that a rule or the default action rejects.
// The administrator's own message of the rule is never part of it.
func SignUpRejected() *Error {
	return withMessage(CodeSignUpRejected, "")
}

// BotChallengeFailed is for a visible challenge that was not passed or that the
// client declared unavailable. An empty message means the usual sentence.
func BotChallengeFailed(message string) *Error {
	return withMessage(CodeBotChallengeFailed, message)
}

// CannotGetOwnUserWithoutUser is for asking for the own user while nobody is
// signed in.
func CannotGetOwnUserWithoutUser() *Error {
	return known(CodeCannotGetOwnUserWithoutUser, nil)
}

// UserNotFound is for a user id in path or query that names nobody in the
// project.
func UserNotFound() *Error {
	return known(CodeUserNotFound, nil)
}

// UserIDDoesNotExist is for a user id in a body, or the target of a server-side
// action, that names nobody.
func UserIDDoesNotExist(userID string) *Error {
	return known(CodeUserIDDoesNotExist, map[string]any{"user_id": userID})
}

// UserEmailAlreadyExists is for an address that another user signs in with;
// email is the stored, normalised form.
func UserEmailAlreadyExists(email string, wouldWorkIfVerified bool) *Error {
	return known(CodeUserEmailAlreadyExists, map[string]any{
		"email":                            email,
		"would_work_if_email_was_verified": wouldWorkIfVerified,
	})
}

// ContactChannelAlreadyUsedForAuthBySomeoneElse is for enabling sign-in on a
// contact channel that somebody else signs in with; an empty value becomes
// null.
func ContactChannelAlreadyUsedForAuthBySomeoneElse(channelType, value string, wouldWorkIfVerified bool) *Error {
	return known(CodeContactChannelAlreadyUsedForAuthBySomeoneElse, map[string]any{
		"type":                             channelType,
		"contact_channel_value":            orNil(value),
		"would_work_if_email_was_verified": wouldWorkIfVerified,
	})
}

// EmailAlreadyVerified is for a verification code for a contact channel that is
// verified already.
func EmailAlreadyVerified() *Error {
	return known(CodeEmailAlreadyVerified, nil)
}

// EmailIsNotPrimaryEmail is for a verification code for an address that is not
// the primary one; an empty primaryEmail becomes null.
func EmailIsNotPrimaryEmail(email, primaryEmail string) *Error {
	return known(CodeEmailIsNotPrimaryEmail, map[string]any{
		"email":         email,
		"primary_email": orNil(primaryEmail),
	})
}

// SignUpNotEnabled is for a flow that would create a user while sign-up is off.
func SignUpNotEnabled() *Error {
	return known(CodeSignUpNotEnabled, nil)
}

// BotChallengeRequired is for a failed invisible challenge; the client tries
// again with a visible one.
func BotChallengeRequired() *Error {
	return known(CodeBotChallengeRequired, nil)
}
