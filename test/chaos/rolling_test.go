package chaos

import (
	"context"
	"testing"
	"time"
)

const (
	// rollingPace is the pause between two requests of the traffic.
	rollingPace = 20 * time.Millisecond
	// rollingRoom is how many requests may be under way at a time: a machine too
	// slow for the pace is to have less traffic, not too much of it.
	rollingRoom = 8
	// With -long there are 100 requests a second for three minutes and more,
	// and one round of replacements after the other.
	longRollingPace     = 10 * time.Millisecond
	longRollingRequests = 18_000
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
	ctx, cancel := bounded(t)
	defer cancel()
	if err := system.Reload(); err != nil {
		t.Fatal(err)
	}
	f, err := newFleet(system, t.TempDir(), 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.end(t) })
	if err := f.start(ctx); err != nil {
		t.Fatal(err)
	}
	pause, enough := rollingPace, len(f.replicas)*rollingBetween
	if *long {
		pause, enough = longRollingPace, longRollingRequests
	}
	load, stop, err := f.traffic(ctx, pause)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	began := time.Now()
	replaced := 0
	for replaced == 0 || load.count() < enough {
		for _, r := range f.replicas {
			if err := f.replace(ctx, r, load); err != nil {
				t.Fatal(err)
			}
			replaced++
		}
	}
	took := time.Since(began)
	stop()
	for _, fault := range load.faults {
		t.Error(fault)
	}
	t.Logf("%d replacements in %v under %v", replaced, took.Round(time.Millisecond), load)
	if load.count() < enough {
		t.Error("too few requests to prove anything")
	}
}

// replace ends a process as a roll-out does and starts it again, under traffic.
func (f *fleet) replace(ctx context.Context, r *replica, load *traffic) error {
	if r.process == "gateway" {
		f.gateways.take(r.addr)
		defer f.gateways.put(r.addr)
	}
	if err := r.stop(ctx); err != nil {
		return err
	}
	if err := load.await(ctx, rollingBetween/2); err != nil {
		return err
	}
	if err := r.startReady(ctx); err != nil {
		return err
	}
	return load.await(ctx, rollingBetween/2)
}
