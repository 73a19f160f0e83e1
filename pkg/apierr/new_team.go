package apierr

// TeamNotFound is for a team id that names no team.
func TeamNotFound(teamID string) *Error {
	return known(CodeTeamNotFound, map[string]any{"team_id": teamID})
}

// TeamMembershipNotFound is for a user who is not in the team, and a team the
// caller may not see.
func TeamMembershipNotFound(teamID, userID string) *Error {
	return known(CodeTeamMembershipNotFound, map[string]any{
		"team_id": teamID,
		"user_id": userID,
	})
}

// TeamMembershipAlreadyExists is for adding somebody who is in the team
// already.
func TeamMembershipAlreadyExists() *Error {
	return known(CodeTeamMembershipAlreadyExists, nil)
}

// TeamPermissionRequired is for a caller who lacks a permission in the team.
func TeamPermissionRequired(teamID, userID, permissionID string) *Error {
	return known(CodeTeamPermissionRequired, map[string]any{
		"team_id":       teamID,
		"user_id":       userID,
		"permission_id": permissionID,
	})
}

// TeamPermissionNotFound is for revoking a team permission the user does not
// have; that it is a 401 is intended.
func TeamPermissionNotFound(teamID, userID, permissionID string) *Error {
	return known(CodeTeamPermissionNotFound, map[string]any{
		"team_id":       teamID,
		"user_id":       userID,
		"permission_id": permissionID,
	})
}

// ProjectPermissionRequired is for a caller who lacks a permission in the
// project.
func ProjectPermissionRequired(userID, permissionID string) *Error {
	return known(CodeProjectPermissionRequired, map[string]any{
		"user_id":       userID,
		"permission_id": permissionID,
	})
}

// PermissionNotFound is for an undefined permission, or one the user does not
// have when it is revoked in the project.
func PermissionNotFound(permissionID string) *Error {
	return known(CodePermissionNotFound, map[string]any{"permission_id": permissionID})
}

// WrongPermissionScope is for a permission that exists in the other scope;
// scopes are team and project, an empty actualScope becomes null.
func WrongPermissionScope(permissionID, expectedScope, actualScope string) *Error {
	return known(CodeWrongPermissionScope, map[string]any{
		"permission_id":  permissionID,
		"expected_scope": expectedScope,
		"actual_scope":   orNil(actualScope),
	})
}

// ContainedPermissionNotFound is for a permission definition that contains an
// undefined one.
func ContainedPermissionNotFound(permissionID string) *Error {
	return known(CodeContainedPermissionNotFound, map[string]any{"permission_id": permissionID})
}

// PermissionIDAlreadyExists is for defining or renaming a permission onto an id
// that is taken.
func PermissionIDAlreadyExists(permissionID string) *Error {
	return known(CodePermissionIDAlreadyExists, map[string]any{"permission_id": permissionID})
}

// TeamInvitationRestrictedUserNotAllowed is for a restricted or anonymous user
// who accepts an invitation; reason is one of the Restricted constants.
func TeamInvitationRestrictedUserNotAllowed(reason string) *Error {
	return known(CodeTeamInvitationRestrictedUserNotAllowed, map[string]any{"restricted_reason": map[string]any{"type": reason}})
}

// TeamInvitationEmailMismatch is for an invitation to an address that is not
// among the user's verified ones.
func TeamInvitationEmailMismatch() *Error {
	return known(CodeTeamInvitationEmailMismatch, nil)
}

// APIKeyNotFound is for an API key that is unknown, or hidden from the caller.
func APIKeyNotFound() *Error {
	return known(CodeAPIKeyNotFound, nil)
}

// APIKeyExpired is for checking an API key past its expiry.
func APIKeyExpired() *Error {
	return known(CodeAPIKeyExpired, nil)
}

// APIKeyRevoked is for checking a revoked API key.
func APIKeyRevoked() *Error {
	return known(CodeAPIKeyRevoked, nil)
}

// WrongAPIKeyType is for a user key on the team endpoint or the other way
// round; types are user and team.
func WrongAPIKeyType(expected, actual string) *Error {
	return known(CodeWrongAPIKeyType, map[string]any{
		"expected_type": expected,
		"actual_type":   actual,
	})
}

// PublicAPIKeyCannotBeRevoked is for a secret scanner that reports a public
// key.
func PublicAPIKeyCannotBeRevoked() *Error {
	return known(CodePublicAPIKeyCannotBeRevoked, nil)
}
