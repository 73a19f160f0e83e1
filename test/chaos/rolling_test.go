package chaos

import (
	"context"
	"slices"
	"testing"
	"time"

	"vestibule.dev/test/client"
)

const (
	// rollingPace is the pause between two requests of the traffic.
	rollingPace = 20 * time.Millisecond
	// rollingBetween is how many requests have an answer between two
	// replacements, of which half come while a replica is missing.
	rollingBetween = 20
	// crowdOfRolling is how many people the traffic is for.
	crowdOfRolling = 8
)

// Two of each process are replaced one by one, as a roll-out does, and no
// request fails (R30). They were started in the order that suits nobody, and talk
// to each other with certificates on both ends.
func TestRollingRestart_twoOfEach_losesNoRequest(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	if err := system.Reload(); err != nil {
		t.Fatal(err)
	}
	f, err := newFleet(system, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := f.stop(ctx); err != nil {
			t.Error(err)
		}
	})
	// Whoever asks comes before whoever answers.
	for _, r := range slices.Backward(f.replicas) {
		if err := r.start(); err != nil {
			t.Fatal(err)
		}
		if err := r.ready(ctx); err != nil {
			t.Fatalf("started without those it asks: %v", err)
		}
	}

	load := &traffic{gateways: &f.gateways, changed: make(chan struct{})}
	for range crowdOfRolling {
		tokens, err := client.For("http://"+f.gateways.pick(), project, client.Public).SignUp(ctx, client.FreshEmail("rolling"), password)
		if err != nil {
			t.Fatal(err)
		}
		load.people = append(load.people, tokens)
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		load.run(running, rollingPace)
	}()
	began := time.Now()
	for _, r := range f.replicas {
		if r.process == "gateway" {
			f.gateways.take(r.addr)
		}
		if err := r.stop(ctx); err != nil {
			t.Fatal(err)
		}
		if err := load.await(ctx, rollingBetween/2); err != nil {
			t.Fatal(err)
		}
		if err := r.start(); err != nil {
			t.Fatal(err)
		}
		if err := r.ready(ctx); err != nil {
			t.Fatal(err)
		}
		if err := load.await(ctx, rollingBetween/2); err != nil {
			t.Fatal(err)
		}
		if r.process == "gateway" {
			f.gateways.put(r.addr)
		}
	}
	took := time.Since(began)
	stop()
	<-done
	for _, fault := range load.faults {
		t.Error(fault)
	}
	t.Logf("%d processes replaced in %v under %d requests, %d failed, the slowest took %v",
		len(f.replicas), took.Round(time.Millisecond), load.sent, len(load.faults), load.slowest.Round(time.Millisecond))
	if load.sent < len(f.replicas)*rollingBetween {
		t.Error("too few requests to prove anything")
	}
}
