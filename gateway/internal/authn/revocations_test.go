package authn

import (
	"testing"
	"time"

	"vestibule.dev/pkg/clock"
)

func TestRevocations_session_isRememberedForAWhile(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := clock.NewFake(now)
	r := NewRevocations(10*time.Minute, c)
	r.End(now, "a", "b")
	r.End(now.Add(-20*time.Minute), "old")
	r.End(now.Add(time.Hour), "ahead")
	for id, want := range map[string]bool{"a": true, "b": true, "ahead": true, "c": false} {
		if r.ended(id) != want {
			t.Errorf("%s ended: %v", id, !want)
		}
	}
	c.Advance(11 * time.Minute)
	r.End(c.Now(), "c")
	for id, want := range map[string]bool{"a": false, "old": false, "ahead": false, "c": true} {
		if r.ended(id) != want {
			t.Errorf("%s ended: %v", id, !want)
		}
	}
	if (*Revocations)(nil).ended("a") {
		t.Error("nothing remembers something")
	}
}
