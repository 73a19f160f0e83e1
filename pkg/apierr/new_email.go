package apierr

import "time"

// isoMillis is ISO 8601 in UTC with milliseconds.
const isoMillis = "2006-01-02T15:04:05.000Z"

// RequiresCustomEmailServer is for sending or editing that the shared mail
// server does not offer.
func RequiresCustomEmailServer() *Error {
	return known(CodeRequiresCustomEmailServer, nil)
}

// EmailRenderingError is for a template or theme that fails to render; problem
// tells the author why.
func EmailRenderingError(problem string) *Error {
	return known(CodeEmailRenderingError, map[string]any{"error": problem})
}

// EmailNotEditable is for changing a queued e-mail too late.
func EmailNotEditable(emailID, status string) *Error {
	return known(CodeEmailNotEditable, map[string]any{
		"email_id": emailID,
		"status":   status,
	})
}

// EmailCapacityBoostAlreadyActive is for a second capacity boost before the
// first ends.
func EmailCapacityBoostAlreadyActive(expiresAt time.Time) *Error {
	return known(CodeEmailCapacityBoostAlreadyActive, map[string]any{"expires_at": expiresAt.UTC().Format(isoMillis)})
}

// TemplateSourceRewriteError is for a template source that cannot be rewritten.
func TemplateSourceRewriteError(problem string) *Error {
	return known(CodeTemplateSourceRewriteError, map[string]any{"error": problem})
}
