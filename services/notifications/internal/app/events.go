package app

import (
	"vestibule.dev/services/notifications/internal/domain"
)

// Event is a fact of this context; package events turns it into its published
// form.
type Event interface{ isEvent() }

// EmailSent says that a mail server took a mail.
type EmailSent struct {
	Claim
	UserID, TemplateID string
	Attempts           int
}

// EmailFailed says that a mail will not be sent because something failed.
type EmailFailed struct {
	Claim
	UserID, TemplateID string
	// Stage is render or send.
	Stage string
	// Type is empty for stage render.
	Type     domain.FailureType
	Attempts int
}

// NotificationPreferenceUpdated says that a user wants a category or not.
type NotificationPreferenceUpdated struct {
	Subscription
	Enabled bool
}

func (EmailSent) isEvent()                     {}
func (EmailFailed) isEvent()                   {}
func (NotificationPreferenceUpdated) isEvent() {}
