package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"vestibule.dev/test/client"
	"vestibule.dev/test/events"
	"vestibule.dev/test/stack"
)

const (
	// eventRate and webhookRate are facts a second.
	eventRate, webhookRate = 200, 50
	// factsFor is how long they happen.
	factsFor = 5 * time.Second
)

// facts measures how long it takes until somebody is told of a fact: a consumer
// of events, from when the fact happened, and the receiver of a webhook, from
// when the request was sent.
func (r *report) facts(ctx context.Context, system *stack.Stack, w *world) error {
	if err := r.events(ctx, system, w); err != nil {
		return fmt.Errorf("events: %w", err)
	}
	if err := r.webhooks(ctx, w); err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	return nil
}

func (r *report) events(ctx context.Context, system *stack.Stack, w *world) error {
	log, err := events.Open(system.NATSURL)
	if err != nil {
		return err
	}
	defer log.Close()
	var told collector
	stop, err := log.Watch(ctx, "IDENTITY", "identity.v1.user.updated.*", func(e events.Event) {
		told.add(time.Since(e.Envelope.GetOccurredAt().AsTime()), nil)
	})
	if err != nil {
		return err
	}
	defer stop()
	asked := open(ctx, eventRate, factsFor, w.rename(nil))
	r.eventDelay, err = told.awaited(ctx, asked)
	return err
}

func (r *report) webhooks(ctx context.Context, w *world) error {
	var told collector
	var mu sync.Mutex
	sent := map[string]time.Time{}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var hook struct {
			Data struct {
				Name string `json:"display_name"`
			} `json:"data"`
		}
		err := json.NewDecoder(r.Body).Decode(&hook)
		mu.Lock()
		defer mu.Unlock()
		if at, first := sent[hook.Data.Name]; first && err == nil {
			delete(sent, hook.Data.Name)
			told.add(time.Since(at), nil)
		}
	}))
	defer receiver.Close()
	admin := client.For(w.base, w.project, client.Admin)
	var endpoint struct {
		ID string `json:"id"`
	}
	if err := admin.Expect(ctx, http.MethodPost, "/webhooks/endpoints", map[string]any{"url": receiver.URL}, &endpoint); err != nil {
		return err
	}
	asked := open(ctx, webhookRate, factsFor, w.rename(func(name string) {
		mu.Lock()
		defer mu.Unlock()
		sent[name] = time.Now()
	}))
	var err error
	r.webhookDelay, err = told.awaited(ctx, asked)
	return errors.Join(err, admin.Expect(ctx, http.MethodDelete, "/webhooks/endpoints/"+endpoint.ID, nil, nil))
}

// awaited returns what was collected once there is an outcome for each success
// of the requests.
func (c *collector) awaited(ctx context.Context, asked result) (result, error) {
	if asked.failures+asked.refused > 0 {
		return result{}, fmt.Errorf("%d of %d requests failed: %w", asked.failures+asked.refused, asked.failures+asked.refused+len(asked.latencies), asked.failure)
	}
	err := client.Poll(ctx, func(context.Context) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if missing := len(asked.latencies) - len(c.r.latencies); missing > 0 {
			return fmt.Errorf("%d facts have not been told", missing)
		}
		return nil
	})
	return c.result(asked.elapsed), err
}
