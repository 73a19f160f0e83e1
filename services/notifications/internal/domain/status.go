package domain

import "time"

// Status is where a mail stands, in its wire spelling.
type Status string

// The statuses (notifications.md §5.2).
const (
	StatusPaused          Status = "paused"
	StatusSkipped         Status = "skipped"
	StatusPreparing       Status = "preparing"
	StatusRendering       Status = "rendering"
	StatusRenderError     Status = "render-error"
	StatusScheduled       Status = "scheduled"
	StatusQueued          Status = "queued"
	StatusSending         Status = "sending"
	StatusServerError     Status = "server-error"
	StatusSent            Status = "sent"
	StatusMarkedAsSpam    Status = "marked-as-spam"
	StatusClicked         Status = "clicked"
	StatusOpened          Status = "opened"
	StatusBounced         Status = "bounced"
	StatusDeliveryDelayed Status = "delivery-delayed"
)

// SimpleStatus is a status as people who only want to know whether to worry
// see it.
type SimpleStatus string

// The simple statuses.
const (
	InProgress SimpleStatus = "in-progress"
	OK         SimpleStatus = "ok"
	Failed     SimpleStatus = "error"
)

// Statuses are all of them.
var Statuses = []Status{
	StatusPaused, StatusSkipped, StatusPreparing, StatusRendering, StatusRenderError, StatusScheduled, StatusQueued, StatusSending,
	StatusServerError, StatusSent, StatusMarkedAsSpam, StatusClicked, StatusOpened, StatusBounced, StatusDeliveryDelayed,
}

// Simple sums the status up.
func (s Status) Simple() SimpleStatus {
	switch s {
	case StatusPaused, StatusPreparing, StatusRendering, StatusScheduled, StatusQueued, StatusSending:
		return InProgress
	case StatusRenderError, StatusServerError, StatusBounced:
		return Failed
	}
	return OK
}

// Progress is what has happened to a mail so far; nil times have not.
type Progress struct {
	Paused, Queued                         bool
	Skipped                                SkipReason
	StartedRendering                       *time.Time
	FinishedRendering                      *time.Time
	RenderFailed                           bool
	StartedSending                         *time.Time
	FinishedSending                        *time.Time
	CanHaveDeliveryInfo                    bool
	ServerFailed                           bool
	Delivered, DeliveryDelayed             *time.Time
	Bounced, Opened, Clicked, MarkedAsSpam *time.Time
}

// Status derives the status; the first rule that fits decides. A mail that
// bounced or was delayed is not still being sent, whether or not it was
// delivered.
func (p Progress) Status() (Status, SimpleStatus) {
	switch {
	case p.Paused:
		return StatusPaused, InProgress
	case p.Skipped != "":
		return StatusSkipped, OK
	case p.StartedRendering == nil:
		return StatusPreparing, InProgress
	case p.FinishedRendering == nil:
		return StatusRendering, InProgress
	case p.RenderFailed:
		return StatusRenderError, Failed
	case p.StartedSending == nil && !p.Queued:
		return StatusScheduled, InProgress
	case p.StartedSending == nil:
		return StatusQueued, InProgress
	case p.FinishedSending == nil:
		return StatusSending, InProgress
	case p.CanHaveDeliveryInfo && p.Delivered == nil && p.Bounced == nil && p.DeliveryDelayed == nil:
		return StatusSending, InProgress
	case p.ServerFailed:
		return StatusServerError, Failed
	case !p.CanHaveDeliveryInfo:
		return StatusSent, OK
	case p.MarkedAsSpam != nil:
		return StatusMarkedAsSpam, OK
	case p.Clicked != nil:
		return StatusClicked, OK
	case p.Opened != nil:
		return StatusOpened, OK
	case p.Bounced != nil:
		return StatusBounced, Failed
	case p.DeliveryDelayed != nil:
		return StatusDeliveryDelayed, OK
	default:
		return StatusSent, OK
	}
}
