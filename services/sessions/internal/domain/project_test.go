package domain

import (
	"crypto/sha256"
	"testing"
	"time"

	"vestibule.dev/pkg/ids"
)

func TestAcceptsKey_table_wantsALiveKey(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	hash := func(text string) []byte {
		sum := sha256.Sum256([]byte(text))
		return sum[:]
	}
	project := Project{Keys: []PublishableKey{
		{Hash: hash("forever")},
		{Hash: hash("live"), ExpiresAt: now.Add(time.Second)},
		{Hash: hash("expired"), ExpiresAt: now},
		{Hash: nil},
	}}
	for text, want := range map[string]bool{"forever": true, "live": true, "expired": false, "unknown": false, "": false} {
		if got := project.AcceptsKey(text, now); got != want {
			t.Errorf("AcceptsKey(%q) = %v", text, got)
		}
	}
}

func TestParseClientID_table_namesProjectAndBranch(t *testing.T) {
	for text, want := range map[string]ids.Tenant{
		"p":       {ProjectID: "p", BranchID: "main"},
		"p#main":  {ProjectID: "p", BranchID: "main"},
		"p#other": {ProjectID: "p", BranchID: "other"},
		"p#a#b":   {ProjectID: "p", BranchID: "a#b"},
		"p#":      {ProjectID: "p"},
		"":        {BranchID: "main"},
	} {
		if got := ParseClientID(text); got != want {
			t.Errorf("ParseClientID(%q) = %+v", text, got)
		}
	}
}
