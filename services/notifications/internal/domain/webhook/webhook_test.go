package webhook_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule.dev/services/notifications/internal/domain/webhook"
)

func TestWait_schedule_isThatOfTheContract(t *testing.T) {
	var waits []time.Duration
	for attempts := 1; ; attempts++ {
		wait, again := webhook.Wait(attempts)
		if !again {
			break
		}
		waits = append(waits, wait)
	}
	want := []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
	}
	if !slices.Equal(waits, want) {
		t.Errorf("waits %v, want %v", waits, want)
	}
	if _, again := webhook.Wait(0); again {
		t.Error("waits before the first attempt")
	}
}

func TestCheckSecret_table(t *testing.T) {
	encode := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for secret, want := range map[string]bool{
		webhook.NewSecret(): true, encode(24): true, encode(64): true,
		encode(23): false, encode(65): false, "whsec_": false, "": false, "whsec_***": false,
		strings.TrimPrefix(encode(24), "whsec_"): false, "whpk_" + encode(24)[6:]: false,
	} {
		if got := webhook.CheckSecret(secret) == nil; got != want {
			t.Errorf("%q: %v, want %v", secret, got, want)
		}
	}
	if first, second := webhook.NewSecret(), webhook.NewSecret(); first == second {
		t.Error("two secrets are the same")
	}
}

func TestEventTypes_catalog_isSortedAndKnown(t *testing.T) {
	types := webhook.EventTypes()
	if !slices.IsSortedFunc(types, func(a, b webhook.EventType) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("not in alphabetical order")
	}
	for _, eventType := range types {
		if !webhook.Known(eventType.Name) || eventType.Description == "" {
			t.Errorf("%+v", eventType)
		}
	}
	if webhook.Known("user") || webhook.Known("") {
		t.Error("knows what is none")
	}
}
