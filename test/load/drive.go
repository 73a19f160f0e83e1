package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// result is what a loop has seen.
type result struct {
	elapsed time.Duration
	// latencies of the successes, sorted.
	latencies []time.Duration
	refused   int // 503 with Retry-After
	failures  int
	// failure is one of them, to tell what was wrong.
	failure error
}

func (r result) rate() float64 { return float64(len(r.latencies)) / r.elapsed.Seconds() }

// quantile of the latencies in milliseconds.
func (r result) quantile(q float64) float64 {
	if len(r.latencies) == 0 {
		return 0
	}
	i := min(int(q*float64(len(r.latencies))), len(r.latencies)-1)
	return float64(r.latencies[i]) / float64(time.Millisecond)
}

// collector gathers outcomes from many goroutines.
type collector struct {
	mu sync.Mutex
	r  result
}

var errRefused = errors.New("refused for now")

func (c *collector) add(latency time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.r.latencies = append(c.r.latencies, latency)
	case errors.Is(err, errRefused):
		c.r.refused++
	default:
		c.r.failures++
		c.r.failure = err
	}
}

func (c *collector) result(elapsed time.Duration) result {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.r.elapsed = elapsed
	slices.Sort(c.r.latencies)
	return c.r
}

// pool keeps one connection per worker open.
func pool(connections int) *http.Client {
	return &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			MaxIdleConns: connections, MaxIdleConnsPerHost: connections, DisableCompression: true,
		},
	}
}

// closed sends the next request when the last is answered, on so many
// connections, until the time is over or the requests are used up.
func closed(ctx context.Context, connections, requests int, limit time.Duration, next func() *http.Request) result {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	web := pool(connections)
	defer web.CloseIdleConnections()
	var sent atomic.Int64
	var c collector
	var workers sync.WaitGroup
	begin := time.Now()
	for range connections {
		workers.Go(func() {
			for ctx.Err() == nil && sent.Add(1) <= int64(requests) {
				c.add(send(web, next()))
			}
		})
	}
	workers.Wait()
	return c.result(time.Since(begin))
}

// open sends requests at a fixed rate, whether or not earlier ones are
// answered; a latency counts from when the request was due.
func open(ctx context.Context, perSecond int, duration time.Duration, next func() *http.Request) result {
	web := pool(256)
	defer web.CloseIdleConnections()
	interval := time.Second / time.Duration(perSecond)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var c collector
	var waiting sync.WaitGroup
	begin := time.Now()
	due := begin
	for due.Sub(begin) < duration {
		select {
		case <-ctx.Done():
			waiting.Wait()
			return c.result(time.Since(begin))
		case <-ticker.C:
		}
		// A late tick stands for all that were due meanwhile.
		for now := time.Now(); !due.After(now) && due.Sub(begin) < duration; due = due.Add(interval) {
			scheduled := due
			waiting.Go(func() {
				_, err := send(web, next())
				c.add(time.Since(scheduled), err)
			})
		}
	}
	waiting.Wait()
	return c.result(time.Since(begin))
}

func send(web *http.Client, r *http.Request) (time.Duration, error) {
	begin := time.Now()
	answer, err := web.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return 0, err
	case answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != "":
		return 0, errRefused
	case answer.StatusCode != http.StatusOK || answer.Header.Get("X-Hexclave-Actual-Status") != "":
		return 0, fmt.Errorf("%s %s: %d %s", r.Method, r.URL.Path, answer.StatusCode, body)
	}
	return time.Since(begin), nil
}
