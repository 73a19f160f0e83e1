package worker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"vestibule.dev/services/notifications/internal/app"
)

// Bounds of one replica for webhooks. They are more than those for mails,
// because receivers answer sooner than mail servers do.
const (
	// webhookSlots is how many deliveries are made at the same time.
	webhookSlots = 128
	// projectSlots is how many of them may belong to one project, and
	// endpointSlots to one endpoint.
	projectSlots  = 24
	endpointSlots = 12
	// failingSlots is how many an endpoint gets that failed the last time: the
	// next call may well hang too.
	failingSlots = 2
)

// WebhookQueue is what the worker drives; *app.App is one.
type WebhookQueue interface {
	ClaimWebhooks(ctx context.Context, room app.WebhookRoom) ([]app.WebhookCall, error)
	CallWebhook(ctx context.Context, call app.WebhookCall) error
}

// Webhooks delivers webhooks.
type Webhooks struct {
	queue  WebhookQueue
	listen Listen
	logger *slog.Logger
	turn   chan struct{}

	mu        sync.Mutex
	projects  map[string]int
	endpoints map[string]int
	inFlight  int
	calls     sync.WaitGroup
}

// NewWebhooks returns a worker for webhooks. Any number may run, in one process
// or many.
func NewWebhooks(queue WebhookQueue, listen Listen, logger *slog.Logger) *Webhooks {
	return &Webhooks{
		queue: queue, listen: listen, logger: logger, turn: make(chan struct{}, 1),
		projects: map[string]int{}, endpoints: map[string]int{},
	}
}

// Run works until ctx ends, and then finishes the deliveries under way.
func (w *Webhooks) Run(ctx context.Context) error {
	// They outlive ctx by a moment: an endpoint may have taken one already.
	callCtx, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	var loop sync.WaitGroup
	loop.Go(func() { w.loop(ctx, callCtx) })
	err := w.listen(ctx, poll, func(context.Context) { wake(w.turn) })
	loop.Wait()
	timer := time.AfterFunc(stopWithin, abort)
	defer timer.Stop()
	w.calls.Wait()
	return err
}

func (w *Webhooks) loop(ctx, callCtx context.Context) {
	for await(ctx, w.turn) {
		calls, err := w.queue.ClaimWebhooks(ctx, w.room)
		w.report(ctx, "webhooks were not claimed", err)
		for _, call := range calls {
			w.begin(call)
			w.calls.Go(func() {
				defer w.end(call)
				w.report(callCtx, "a webhook was not recorded", w.queue.CallWebhook(callCtx, call))
			})
		}
	}
}

// room is an app.WebhookRoom: it keeps all bounds.
func (w *Webhooks) room(endpoint app.QueuedWebhookEndpoint, ofProject, claimed int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	most := endpointSlots
	if endpoint.Failing {
		most = failingSlots
	}
	return min(webhookSlots-w.inFlight-claimed, projectSlots-w.projects[endpoint.ProjectID]-ofProject, most-w.endpoints[endpoint.ID])
}

func (w *Webhooks) begin(call app.WebhookCall) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inFlight++
	w.projects[call.ProjectID]++
	w.endpoints[call.EndpointID]++
}

// end frees the slot and has the queue looked at again.
func (w *Webhooks) end(call app.WebhookCall) {
	w.mu.Lock()
	w.inFlight--
	release(w.projects, call.ProjectID)
	release(w.endpoints, call.EndpointID)
	w.mu.Unlock()
	wake(w.turn)
}

// release takes one off and forgets who has none.
func release(counts map[string]int, key string) {
	if counts[key]--; counts[key] == 0 {
		delete(counts, key)
	}
}

func (w *Webhooks) report(ctx context.Context, message string, err error) {
	if err != nil && ctx.Err() == nil {
		w.logger.WarnContext(ctx, message, "error", err)
	}
}
