package domain

import (
	"errors"
	"time"
)

// FailureType is the wire name of a kind of SMTP failure.
type FailureType string

// The kinds of failures (notifications.md §5.5).
const (
	FailureHostNotFound        FailureType = "HOST_NOT_FOUND"
	FailureAuth                FailureType = "AUTH_FAILED"
	FailureTemporary           FailureType = "TEMPORARY"
	FailureInvalidEmailAddress FailureType = "INVALID_EMAIL_ADDRESS"
	FailureRejected            FailureType = "REJECTED"
	FailureTimeout             FailureType = "TIMEOUT"
	FailureSocketClosed        FailureType = "SOCKET_CLOSED"
	FailureTransient           FailureType = "TRANSIENT_NEGATIVE_COMPLETION_REPLY"
	FailureUnknown             FailureType = "UNKNOWN"
)

// FailureTypes lists the kinds of failures.
func FailureTypes() []FailureType {
	return []FailureType{
		FailureHostNotFound, FailureAuth, FailureTemporary, FailureInvalidEmailAddress, FailureRejected, FailureTimeout,
		FailureSocketClosed, FailureTransient, FailureUnknown,
	}
}

// SendFailure is an attempt that did not deliver the mail.
type SendFailure struct {
	Type  FailureType
	Retry bool
	// Recipient says that the server refused the recipient's address for good.
	Recipient bool
	// Message is for the people who run the project.
	Message string
	// Cause is for those who run the platform.
	Cause error
}

// Error implements error.
func (f *SendFailure) Error() string { return f.Message }

// Unwrap returns the cause.
func (f *SendFailure) Unwrap() error { return f.Cause }

// ErrClaimLost is returned by a worker's action on a mail that was given to
// another worker, cancelled or deleted meanwhile.
var ErrClaimLost = errors.New("the mail is no longer this worker's")

// AttemptError is one entry of a mail's list of failed attempts.
type AttemptError struct {
	AttemptNumber int    `json:"attempt_number"`
	Timestamp     string `json:"timestamp"` // ISO 8601, milliseconds
	ErrorReport
}

// ErrorReport tells a failure twice: to the project and to the platform.
type ErrorReport struct {
	ExternalMessage string         `json:"external_message"`
	ExternalDetails map[string]any `json:"external_details"`
	InternalMessage string         `json:"internal_message"`
	InternalDetails map[string]any `json:"internal_details"`
}

// Report is the failure as it is stored.
func (f *SendFailure) Report() ErrorReport {
	raw := f.Message
	if f.Cause != nil {
		raw = f.Cause.Error()
	}
	return ErrorReport{
		ExternalMessage: f.Message,
		ExternalDetails: map[string]any{"errorType": f.Type},
		InternalMessage: raw,
		InternalDetails: map[string]any{"rawError": raw, "errorType": f.Type},
	}
}

// Attempt is the failure as the n-th entry of the list.
func (f *SendFailure) Attempt(n int, at time.Time) AttemptError {
	return AttemptError{AttemptNumber: n, Timestamp: at.UTC().Format("2006-01-02T15:04:05.000Z"), ErrorReport: f.Report()}
}
