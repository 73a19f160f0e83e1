// Package worker promises that a queued mail is rendered and sent within a
// fraction of a second by whichever replica is free, and that a slow mail
// server holds up none but its own tenant.
package worker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/notifications/internal/app"
)

// Bounds of one replica.
const (
	// slots is how many mails are sent at the same time.
	slots = 64
	// tenantSlots is how many of them may belong to one tenant.
	tenantSlots = 8
	// poll is how often the queue is looked at without being told to.
	poll = time.Second
	// stopWithin is how long mails being sent may take when the worker stops.
	stopWithin = 5 * time.Second
)

// Queue is what the worker drives; *app.App is one.
type Queue interface {
	ExpandMailings(ctx context.Context) (int, error)
	RenderEmails(ctx context.Context) (int, error)
	ClaimEmails(ctx context.Context, room app.Room) ([]app.Mail, error)
	SendEmail(ctx context.Context, mail app.Mail) error
}

// Listen calls wake when mails were queued, at start and at least every
// interval, until ctx ends.
type Listen func(ctx context.Context, interval time.Duration, wake func(ctx context.Context)) error

// Worker drives the queue.
type Worker struct {
	queue  Queue
	listen Listen
	logger *slog.Logger

	render, send chan struct{}

	mu       sync.Mutex
	busy     map[ids.Tenant]int
	inFlight int
	sending  sync.WaitGroup
}

// New returns a worker. Any number may run, in one process or many.
func New(queue Queue, listen Listen, logger *slog.Logger) *Worker {
	return &Worker{
		queue: queue, listen: listen, logger: logger,
		render: make(chan struct{}, 1), send: make(chan struct{}, 1), busy: map[ids.Tenant]int{},
	}
}

// Run works until ctx ends, and then finishes the mails being sent.
func (w *Worker) Run(ctx context.Context) error {
	// Mails being sent outlive ctx by a moment: to stop in the middle would
	// leave them in doubt.
	sendCtx, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	var loops sync.WaitGroup
	loops.Go(func() { w.renderLoop(ctx) })
	loops.Go(func() { w.sendLoop(ctx, sendCtx) })
	err := w.listen(ctx, poll, func(context.Context) {
		wake(w.render)
		wake(w.send)
	})
	loops.Wait()
	timer := time.AfterFunc(stopWithin, abort)
	defer timer.Stop()
	w.sending.Wait()
	return err
}

// wake makes a loop turn once more; it never waits.
func wake(loop chan<- struct{}) {
	select {
	case loop <- struct{}{}:
	default:
	}
}

func (w *Worker) renderLoop(ctx context.Context) {
	for await(ctx, w.render) {
		made, err := w.queue.ExpandMailings(ctx)
		w.report(ctx, "a mailing makes no progress", err)
		n, err := w.queue.RenderEmails(ctx)
		w.report(ctx, "mails were not rendered", err)
		if n > 0 || made > 0 {
			wake(w.send)
			if err == nil {
				wake(w.render)
			}
		}
	}
}

func (w *Worker) sendLoop(ctx, sendCtx context.Context) {
	for await(ctx, w.send) {
		mails, err := w.queue.ClaimEmails(ctx, w.room)
		w.report(ctx, "mails were not claimed", err)
		for _, mail := range mails {
			w.begin(mail.Tenant)
			w.sending.Go(func() {
				defer w.end(mail.Tenant)
				w.report(sendCtx, "a mail was not sent", w.queue.SendEmail(sendCtx, mail))
			})
		}
	}
}

func await(ctx context.Context, loop <-chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case <-loop:
		return ctx.Err() == nil
	}
}

// room is an app.Room: it keeps both bounds.
func (w *Worker) room(tenant ids.Tenant, claimed int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return min(slots-w.inFlight-claimed, tenantSlots-w.busy[tenant])
}

func (w *Worker) begin(tenant ids.Tenant) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inFlight++
	w.busy[tenant]++
}

// end frees the slot and has the queue looked at again: what did not fit before
// may fit now. Wakes that come together count as one.
func (w *Worker) end(tenant ids.Tenant) {
	w.mu.Lock()
	w.inFlight--
	if w.busy[tenant]--; w.busy[tenant] == 0 {
		delete(w.busy, tenant)
	}
	w.mu.Unlock()
	wake(w.send)
}

func (w *Worker) report(ctx context.Context, message string, err error) {
	if err != nil && ctx.Err() == nil {
		w.logger.WarnContext(ctx, message, "error", err)
	}
}
