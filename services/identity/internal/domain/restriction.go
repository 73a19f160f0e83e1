package domain

// Reasons why a user is restricted. The empty string is no reason.
const (
	RestrictedAnonymous        = "anonymous"
	RestrictedEmailNotVerified = "email_not_verified"
	RestrictedByAdministrator  = "restricted_by_administrator"
)

// RestrictedReason says why a user may not do what normal users may, or ""
// (auth.md §3). The answer is never stored: it follows the user and the
// configuration from one read to the next.
func (u *User) RestrictedReason(requireEmailVerification bool) string {
	switch {
	case u.IsAnonymous:
		return RestrictedAnonymous
	case requireEmailVerification && !u.EmailVerified():
		return RestrictedEmailNotVerified
	case u.RestrictedByAdmin:
		return RestrictedByAdministrator
	default:
		return ""
	}
}
