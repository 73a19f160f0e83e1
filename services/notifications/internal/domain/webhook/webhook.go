// Package webhook holds the rules of calling the endpoints of projects: what
// they are told of, what signs it, and how long it is tried (notifications.md
// §7).
package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"vestibule.dev/pkg/ids"
)

const (
	// MaxEndpoints is how many endpoints a project may have.
	MaxEndpoints = 50
	// DisableAfter is how long every attempt at an endpoint fails before it is
	// called no more.
	DisableAfter = 5 * 24 * time.Hour
	// Overlap is how long deliveries are signed with the old secret as well
	// after a rotation.
	Overlap = 24 * time.Hour
	// Retention is how long messages and attempts are kept.
	Retention = 30 * 24 * time.Hour
)

// schedule is the wait after each failed attempt.
var schedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
}

// Wait returns how long to wait after so many failed attempts, and false when
// there was the last one.
func Wait(attempts int) (time.Duration, bool) {
	if attempts < 1 || attempts > len(schedule) {
		return 0, false
	}
	return schedule[attempts-1], true
}

// NewEndpointID returns the id of a new endpoint.
func NewEndpointID() string { return newID("ep_") }

// NewMessageID returns the id of a new message.
func NewMessageID() string { return newID("msg_") }

// NewAttemptID returns the id of a new attempt.
func NewAttemptID() string { return newID("atmpt_") }

// newID has 130 random bits.
func newID(prefix string) string { return prefix + ids.Secret()[:26] }

const (
	secretPrefix = "whsec_"
	// Bytes of a key, as Standard Webhooks has them.
	minKey, maxKey = 24, 64
)

// ErrSecret says that a text is no secret of Standard Webhooks.
var ErrSecret = errors.New("must be whsec_ followed by 24 to 64 bytes in base64")

// NewSecret makes up a secret of 24 random bytes.
func NewSecret() string {
	key := make([]byte, minKey)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// CheckSecret fails with ErrSecret.
func CheckSecret(secret string) error {
	text, ok := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < minKey || len(key) > maxKey {
		return ErrSecret
	}
	return nil
}

// Endpoint is a URL that a project wants to be called.
type Endpoint struct {
	ids.Tenant

	ID          string
	URL         string
	Description string
	// FilterTypes are the types the endpoint is called for; empty means all.
	FilterTypes []string
	Disabled    bool
	// FailingSince is nil while attempts succeed.
	FailingSince         *time.Time
	CreatedAt, UpdatedAt time.Time
}

// Status is what has become of a delivery.
type Status string

// Statuses of deliveries.
const (
	Pending   Status = "pending"
	Delivered Status = "delivered"
	Failed    Status = "failed"
)

// Message is something that happened, as endpoints are told of it.
type Message struct {
	ID        string
	EventType string
	// Payload is the body of the deliveries.
	Payload    []byte
	CreatedAt  time.Time
	Deliveries []Delivery
	// Seq orders the messages of a project.
	Seq int64
}

// Delivery is a message on its way to one endpoint.
type Delivery struct {
	EndpointID string
	Status     Status
	Attempts   int
	// NextAttemptAt is nil when the delivery is finished, or waits for another
	// one or for its endpoint.
	NextAttemptAt *time.Time
}

// Attempt is one call of an endpoint.
type Attempt struct {
	ID, MessageID, EndpointID string
	EventType                 string
	// Number counts from 1 since the message was last sent anew.
	Number    int
	CreatedAt time.Time
	Outcome
	// Seq orders the attempts of a project.
	Seq int64
}

// Outcome is how a call went.
type Outcome struct {
	// Status is 0 when there was no answer; Problem says why then.
	Status   int
	Body     string
	Problem  string
	Duration time.Duration
}

// Succeeded reports whether the endpoint took the message.
func (o Outcome) Succeeded() bool { return o.Status >= 200 && o.Status <= 299 }

// Explain says why the endpoint did not take the message; empty when it did.
func (o Outcome) Explain() string {
	switch {
	case o.Succeeded():
		return ""
	case o.Status == 0:
		return o.Problem
	}
	return "The endpoint answered with status " + strconv.Itoa(o.Status) + "."
}

// EventType is something that projects can be told of.
type EventType struct{ Name, Description string }

// Test is the type of messages that try an endpoint.
const Test = "stack.test"

// catalog is in alphabetical order.
var catalog = []EventType{
	{"project_permission.created", "A user was granted a permission of the project."},
	{"project_permission.deleted", "A user's permission of the project was revoked."},
	{"team.created", "A team was created, for instance as somebody's personal team."},
	{"team.deleted", "A team was deleted."},
	{"team.updated", "A team was changed."},
	{"team_membership.created", "A user was added to a team or accepted an invitation to it."},
	{"team_membership.deleted", "A user left a team, was removed from it or was deleted."},
	{"team_permission.created", "A user was granted a permission in a team."},
	{"team_permission.deleted", "A user's permission in a team was revoked."},
	{"user.created", "A user was created or signed up."},
	{"user.deleted", "A user was deleted."},
	{"user.updated", "A user was changed."},
}

// EventTypes lists what endpoints may be limited to.
func EventTypes() []EventType { return slices.Clone(catalog) }

// Known reports whether there is such an event type.
func Known(name string) bool {
	return slices.ContainsFunc(catalog, func(t EventType) bool { return t.Name == name })
}
