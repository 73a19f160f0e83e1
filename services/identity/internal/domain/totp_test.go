package domain_test

import (
	"testing"
	"time"

	"vestibule.dev/services/identity/internal/domain"
)

// The vectors of RFC 6238, appendix B, for SHA-1; the last six of their eight
// digits.
func TestTOTP_vectors_match(t *testing.T) {
	key := []byte("12345678901234567890")
	for seconds, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		at := time.Unix(seconds, 0)
		if got := domain.TOTP(key, at); got != want {
			t.Errorf("at %d: %s, want %s", seconds, got, want)
		}
		if step, ok := domain.MatchTOTP(key, want, at); !ok || step != seconds/30 {
			t.Errorf("at %d: step %d, %v", seconds, step, ok)
		}
	}
}

func TestMatchTOTP_clockOff_oneStepIsTolerated(t *testing.T) {
	key := []byte("12345678901234567890")
	shown := time.Unix(1111111109, 0)
	code := domain.TOTP(key, shown)
	for steps, want := range map[int]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
		now := shown.Add(time.Duration(steps) * 30 * time.Second)
		step, ok := domain.MatchTOTP(key, code, now)
		if ok != want || ok && step != shown.Unix()/30 {
			t.Errorf("%d steps later: step %d, %v", steps, step, ok)
		}
	}
}

func TestMatchTOTP_noSuchCode_isRefused(t *testing.T) {
	key := []byte("12345678901234567890")
	at := time.Unix(59, 0)
	for _, code := range []string{"", "0", "287083", "94287082", " 287082", "287082 ", "２８７０８２", "-287082"} {
		if _, ok := domain.MatchTOTP(key, code, at); ok {
			t.Errorf("%q is accepted", code)
		}
	}
	if _, ok := domain.MatchTOTP([]byte("another key"), "287082", at); ok {
		t.Error("another key is accepted")
	}
}
