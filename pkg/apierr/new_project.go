package apierr

import "time"

// ProjectKeyWithoutAccessType is for a key or admin token that was sent without
// an access type.
func ProjectKeyWithoutAccessType() *Error {
	return known(CodeProjectKeyWithoutAccessType, nil)
}

// InvalidAccessType is for an access type header that is neither client, server
// nor admin; accessType is the value as sent.
func InvalidAccessType(accessType string) *Error {
	return known(CodeInvalidAccessType, map[string]any{"accessType": accessType})
}

// AccessTypeWithoutProjectID is for an access type (client, server or admin)
// without a project id.
func AccessTypeWithoutProjectID(accessType string) *Error {
	return known(CodeAccessTypeWithoutProjectID, map[string]any{"request_type": accessType})
}

// AccessTypeRequired is for a request without project on an endpoint that needs
// one.
func AccessTypeRequired() *Error {
	return known(CodeAccessTypeRequired, nil)
}

// InsufficientAccessType is for an endpoint that does not accept the caller's
// access type.
func InsufficientAccessType(actual string, allowed ...string) *Error {
	return known(CodeInsufficientAccessType, map[string]any{
		"actual_access_type":   actual,
		"allowed_access_types": anys(allowed),
	})
}

// InvalidPublishableClientKey is for a wrong, revoked or expired publishable
// client key.
func InvalidPublishableClientKey(projectID string) *Error {
	return known(CodeInvalidPublishableClientKey, map[string]any{"project_id": projectID})
}

// InvalidSecretServerKey is for a wrong, revoked or expired secret server key.
func InvalidSecretServerKey(projectID string) *Error {
	return known(CodeInvalidSecretServerKey, map[string]any{"project_id": projectID})
}

// InvalidSuperSecretAdminKey is for a wrong, revoked or expired super secret
// admin key.
func InvalidSuperSecretAdminKey(projectID string) *Error {
	return known(CodeInvalidSuperSecretAdminKey, map[string]any{"project_id": projectID})
}

// UnparsableAdminAccessToken is for an admin access token that is malformed,
// badly signed, or of an anonymous or restricted user.
func UnparsableAdminAccessToken() *Error {
	return known(CodeUnparsableAdminAccessToken, nil)
}

// AdminAccessTokenExpired is for an expired admin access token; the zero time
// becomes null.
func AdminAccessTokenExpired(expiredAt time.Time) *Error {
	return known(CodeAdminAccessTokenExpired, map[string]any{"expired_at_millis": millisOrNull(expiredAt)})
}

// AdminAccessTokenIsNotAdmin is for a token of another project than the
// internal one, or of a user who does not manage the project.
func AdminAccessTokenIsNotAdmin() *Error {
	return known(CodeAdminAccessTokenIsNotAdmin, nil)
}

// PublishableClientKeyRequiredForProject is for a project that demands a
// publishable client key when none was given; an empty id becomes null.
func PublishableClientKeyRequiredForProject(projectID string) *Error {
	return known(CodePublishableClientKeyRequiredForProject, map[string]any{"project_id": orNil(projectID)})
}

// ServerAuthenticationRequired is for server access without a secret server
// key.
func ServerAuthenticationRequired() *Error {
	return known(CodeServerAuthenticationRequired, nil)
}

// AdminAuthenticationRequired is for admin access without a super secret admin
// key.
func AdminAuthenticationRequired() *Error {
	return known(CodeAdminAuthenticationRequired, nil)
}

// ExpectedInternalProject is for an endpoint of the dashboard that is called
// with another project.
func ExpectedInternalProject() *Error {
	return known(CodeExpectedInternalProject, nil)
}

// CurrentProjectNotFound is for a project id header that names no project.
func CurrentProjectNotFound(projectID string) *Error {
	return known(CodeCurrentProjectNotFound, map[string]any{"project_id": projectID})
}

// BranchDoesNotExist is for a branch id header that names no branch; check the
// key first.
func BranchDoesNotExist(branchID string) *Error {
	return known(CodeBranchDoesNotExist, map[string]any{"branch_id": branchID})
}

// ProjectNotFound is for an endpoint that takes another project's id.
func ProjectNotFound(projectID string) *Error {
	return known(CodeProjectNotFound, map[string]any{"project_id": projectID})
}
