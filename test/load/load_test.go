package main

import (
	"context"
	"testing"

	"vestibule.dev/test/stack"
)

// Statements and calls are exact, so they are asserted; times are only
// reported.
func TestCount_everyOperation_withinGoal(t *testing.T) {
	ctx := t.Context()
	system, err := stack.Start(ctx, countingEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := system.Stop(); err != nil {
			t.Error(err)
		}
	})
	counts, err := countAll(ctx, system, operations)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range operations {
		c := counts[i]
		if c.sql > o.goalSQL || c.sql == 0 {
			t.Errorf("%s: %d statements, want 1 to %d:\n%q", o.name, c.sql, o.goalSQL, c.statements)
		}
		if c.hops > o.goalHops || c.hops == 0 {
			t.Errorf("%s: %d hops, want 1 to %d: %q", o.name, c.hops, o.goalHops, c.calls)
		}
	}
}

func TestEntries_continuedLines_areJoined(t *testing.T) {
	got := entries("a\n\tb\nc\n")
	if len(got) != 2 || got[0] != "a\n\tb\n" || got[1] != "c\n" {
		t.Errorf("entries = %q", got)
	}
}

func TestBackground_connectionOfAnother_isNotTheRequests(t *testing.T) {
	for sql, want := range map[string]bool{
		"-- name: WorkFor\n\tSELECT set_config($1, $2, false)": true,
		"-- ping": true,
		"-- name: RecordSignIn :exec\n\tUPDATE user_activity SET": false,
	} {
		if got := background.MatchString(sql); got != want {
			t.Errorf("%q: %v", sql, got)
		}
	}
}

func TestQuantile_edges_stayInside(t *testing.T) {
	r := result{}
	if r.quantile(0.99) != 0 {
		t.Error("no latencies have a quantile")
	}
	r = closed(context.Background(), 1, 0, 0, nil)
	if len(r.latencies)+r.failures != 0 {
		t.Error("no requests were asked for")
	}
}
