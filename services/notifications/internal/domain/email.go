package domain

import (
	"strings"
	"time"

	"vestibule.dev/pkg/ids"
)

// RecipientType is the form in which a mail names its recipient.
type RecipientType string

// The forms of recipients (notifications.md §5.1).
const (
	// UserPrimaryEmail is a user's primary address at the time of sending.
	UserPrimaryEmail RecipientType = "user-primary-email"
	// UserCustomEmails are addresses that belong to a user.
	UserCustomEmails RecipientType = "user-custom-emails"
	// CustomEmails are addresses that belong to nobody we know.
	CustomEmails RecipientType = "custom-emails"
)

// Recipient says who gets a mail.
type Recipient struct {
	Type RecipientType
	// UserID is empty for CustomEmails.
	UserID string
	// Emails is empty for UserPrimaryEmail.
	Emails []string
}

// NewRecipient chooses the form for a user, addresses, or both.
func NewRecipient(userID string, emails []string) Recipient {
	switch {
	case userID == "":
		return Recipient{Type: CustomEmails, Emails: emails}
	case len(emails) == 0:
		return Recipient{Type: UserPrimaryEmail, UserID: userID}
	default:
		return Recipient{Type: UserCustomEmails, UserID: userID, Emails: emails}
	}
}

// Origin says how a mail came to be queued.
type Origin string

// The origins of mails.
const (
	FromDraft            Origin = "draft"
	FromProgrammaticCall Origin = "programmatic-call"
)

// NewEmail is a mail to be queued.
type NewEmail struct {
	ids.Tenant

	ID string
	// Source is a copy: later edits of the template do not matter.
	Source string
	// ThemeID is empty for no theme.
	ThemeID                 string
	Variables               map[string]any
	SkipDeliverabilityCheck bool
	HighPriority            bool
	Recipient               Recipient
	CreatedWith             Origin
	// TemplateID is empty for raw HTML and drafts, DraftID for all but drafts.
	TemplateID, DraftID string
	// OverrideSubject and OverrideCategoryID are empty when the template
	// decides.
	OverrideSubject, OverrideCategoryID string
	// ScheduledAt is nil for now.
	ScheduledAt *time.Time
}

// SkipReason says why a mail was not sent although nothing failed.
type SkipReason string

// The reasons for which mails are skipped (notifications.md §5.2).
const (
	SkipUserUnsubscribed      SkipReason = "USER_UNSUBSCRIBED"
	SkipUserDeleted           SkipReason = "USER_ACCOUNT_DELETED"
	SkipUserHasNoPrimaryEmail SkipReason = "USER_HAS_NO_PRIMARY_EMAIL"
	SkipNoEmailProvided       SkipReason = "NO_EMAIL_PROVIDED"
	SkipLikelyNotDeliverable  SkipReason = "LIKELY_NOT_DELIVERABLE"
	SkipManuallyCancelled     SkipReason = "MANUALLY_CANCELLED"
)

// undeliverableDomain has no mailboxes (notifications.md §5.5, step 3).
const undeliverableDomain = "emailable-not-deliverable.example.com"

// Contact is what is known of a user at the moment.
type Contact struct {
	// DisplayName is nil for a user without a name.
	DisplayName *string
	// PrimaryEmail is empty for a user without one.
	PrimaryEmail string
}

// Addresses resolves the recipient, or tells why nobody can be reached. user is
// nil when the recipient's user does not exist.
func (r Recipient) Addresses(user *Contact) ([]string, SkipReason) {
	if r.UserID != "" && user == nil {
		return nil, SkipUserDeleted
	}
	if len(r.Emails) > 0 {
		return r.Emails, ""
	}
	switch {
	case r.Type == UserPrimaryEmail && user.PrimaryEmail == "":
		return nil, SkipUserHasNoPrimaryEmail
	case r.UserID == "" || user.PrimaryEmail == "":
		return nil, SkipNoEmailProvided
	}
	return []string{user.PrimaryEmail}, ""
}

// RefusedVerdict is the verdict about an address that mail servers refused.
func RefusedVerdict() map[string]any {
	return map[string]any{"state": "undeliverable", "reason": "rejected_email"}
}

// Undeliverable returns the first address that cannot receive mail, and the
// verdict about it. Without a checker everything is deliverable but the domain
// reserved for trying this out.
func Undeliverable(emails []string) (email string, verdict map[string]any, found bool) {
	for _, email := range emails {
		_, host, _ := strings.Cut(email, "@")
		if strings.EqualFold(host, undeliverableDomain) {
			return email, map[string]any{"state": "undeliverable"}, true
		}
	}
	return "", nil, false
}
