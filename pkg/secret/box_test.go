package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vestibule.dev/pkg/secret"
)

func ringKey(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

func newBox(t interface{ Fatal(...any) }, text string) *secret.Box {
	ring, err := secret.ParseKeyRing(secret.Secret(text))
	if err != nil {
		t.Fatal(err)
	}
	return secret.NewBox(ring)
}

func TestBox_anyValue_opensAtItsPlaceOnly(t *testing.T) {
	box := newBox(t, "k1:"+ringKey(1))
	place := rapid.SliceOfN(rapid.StringN(0, 8, -1), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SliceOf(rapid.Byte()).Draw(t, "value")
		here := place.Draw(t, "here")
		sealed := box.Seal(value, here...)
		if len(sealed) != len(value)+90+len("k1") {
			t.Fatalf("%d bytes for %d", len(sealed), len(value))
		}
		got, err := box.Open(sealed, here...)
		if err != nil || !bytes.Equal(got, value) {
			t.Fatalf("got %x, %v", got, err)
		}
		there := place.Draw(t, "there")
		if _, err := box.Open(sealed, there...); !slices.Equal(here, there) && !errors.Is(err, secret.ErrCannotOpen) {
			t.Fatalf("sealed at %q, opened at %q: %v", here, there, err)
		}
	})
}

func TestBox_anyChange_isNoticed(t *testing.T) {
	box := newBox(t, "k1:"+ringKey(1)+",k2:"+ringKey(2))
	rapid.Check(t, func(t *rapid.T) {
		sealed := box.Seal([]byte("totp seed"), "user", "1")
		if rapid.Bool().Draw(t, "cut") {
			sealed = sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "length")]
		} else {
			sealed[rapid.IntRange(0, len(sealed)-1).Draw(t, "position")] ^= rapid.ByteRange(1, 255).Draw(t, "mask")
		}
		if _, err := box.Open(sealed, "user", "1"); !errors.Is(err, secret.ErrCannotOpen) && !errors.Is(err, secret.ErrUnknownKey) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestBox_sameValueTwice_differs(t *testing.T) {
	box := newBox(t, "k1:"+ringKey(1))
	if bytes.Equal(box.Seal([]byte("x")), box.Seal([]byte("x"))) {
		t.Error("sealing is deterministic")
	}
}

func TestBox_placesThatJoinAlike_differ(t *testing.T) {
	box := newBox(t, "k1:"+ringKey(1))
	sealed := box.Seal([]byte("x"), "ab", "c")
	for _, place := range [][]string{{"a", "bc"}, {"abc"}, {"ab", "c", ""}, {"", "ab", "c"}, {}} {
		if _, err := box.Open(sealed, place...); !errors.Is(err, secret.ErrCannotOpen) {
			t.Errorf("%q opens it: %v", place, err)
		}
	}
}

func TestBox_rotation_rewrapsWithoutLoss(t *testing.T) {
	old := newBox(t, "k1:"+ringKey(1))
	both := newBox(t, "k2:"+ringKey(2)+",k1:"+ringKey(1))
	fresh := newBox(t, "k2:"+ringKey(2))

	sealed := old.Seal([]byte("smtp password"), "project", "p")
	if _, err := fresh.Open(sealed, "project", "p"); !errors.Is(err, secret.ErrUnknownKey) {
		t.Errorf("without the key: %v", err)
	}
	if got, err := both.Open(sealed, "project", "p"); err != nil || string(got) != "smtp password" {
		t.Errorf("with both keys: %q, %v", got, err)
	}
	moved, changed, err := both.Rewrap(sealed)
	if err != nil || !changed {
		t.Fatalf("Rewrap: %v, %v", changed, err)
	}
	if got, err := fresh.Open(moved, "project", "p"); err != nil || string(got) != "smtp password" {
		t.Errorf("after rewrapping: %q, %v", got, err)
	}
	if again, changed, err := both.Rewrap(moved); err != nil || changed || !bytes.Equal(again, moved) {
		t.Errorf("rewrapped twice: %v, %v", changed, err)
	}
	if _, _, err := fresh.Rewrap(sealed); !errors.Is(err, secret.ErrUnknownKey) {
		t.Errorf("Rewrap without the key: %v", err)
	}
	wrongKey := newBox(t, "k1:"+ringKey(9))
	if _, err := wrongKey.Open(sealed, "project", "p"); !errors.Is(err, secret.ErrCannotOpen) {
		t.Errorf("another key of the same id: %v", err)
	}
}

func TestParseKeyRing_table_checksEveryEntry(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		ids  []string
	}{
		"one":              {"k1:" + ringKey(1), []string{"k1"}},
		"two, in order":    {"2026-b:" + ringKey(2) + ", 2026_a:" + ringKey(1), []string{"2026-b", "2026_a"}},
		"empty":            {"", nil},
		"no id":            {ringKey(1), nil},
		"empty id":         {":" + ringKey(1), nil},
		"id with space":    {"k 1:" + ringKey(1), nil},
		"long id":          {strings.Repeat("k", 33) + ":" + ringKey(1), nil},
		"twice":            {"k1:" + ringKey(1) + ",k1:" + ringKey(2), nil},
		"short key":        {"k1:" + base64.StdEncoding.EncodeToString(make([]byte, 31)), nil},
		"long key":         {"k1:" + base64.StdEncoding.EncodeToString(make([]byte, 33)), nil},
		"no base64":        {"k1:" + strings.Repeat("!", 44), nil},
		"trailing comma":   {"k1:" + ringKey(1) + ",", nil},
		"second one bad":   {"k1:" + ringKey(1) + ",k2:", nil},
		"unpadded":         {"k1:" + strings.TrimRight(ringKey(1), "="), nil},
		"loose final bits": {"k1:" + ringKey(1)[:42] + "F=", nil},
	} {
		t.Run(name, func(t *testing.T) {
			ring, err := secret.ParseKeyRing(secret.Secret(tc.text))
			if tc.ids == nil {
				if err == nil {
					t.Fatal("it is accepted")
				}
				if strings.Contains(err.Error(), ringKey(1)[:20]) {
					t.Errorf("the error shows a key: %v", err)
				}
				return
			}
			if err != nil || !slices.Equal(ring.IDs(), tc.ids) || ring.CurrentID() != tc.ids[0] {
				t.Fatalf("got %v, %v", ring, err)
			}
			for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
				if out := fmt.Sprintf(format, ring); strings.Contains(out, "1, 1, 1") || strings.Contains(out, ringKey(1)) {
					t.Errorf("%s shows a key: %s", format, out)
				}
			}
		})
	}
}

func TestHashToken_knownInput_isSHA256(t *testing.T) {
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := hex.EncodeToString(secret.HashToken("abc")); got != want {
		t.Errorf("got %s", got)
	}
}

func TestHMAC_differentInput_differs(t *testing.T) {
	key := []byte("key")
	base := secret.HMAC(key, "otp", "ab", "c")
	if !secret.EqualMAC(base, secret.HMAC(key, "otp", "ab", "c")) || len(base) != 32 {
		t.Error("the same input gives another value")
	}
	for name, other := range map[string][]byte{
		"key":      secret.HMAC([]byte("other"), "otp", "ab", "c"),
		"domain":   secret.HMAC(key, "cursor", "ab", "c"),
		"parts":    secret.HMAC(key, "otp", "a", "bc"),
		"joined":   secret.HMAC(key, "otp", "abc"),
		"shifted":  secret.HMAC(key, "otpab", "c"),
		"trailing": secret.HMAC(key, "otp", "ab", "c", ""),
		"none":     secret.HMAC(key, "otp"),
	} {
		if secret.EqualMAC(base, other) {
			t.Errorf("another %s gives the same value", name)
		}
	}
}

// While replicas are replaced, some have the ring of one step and some that of
// the next: each reads what any of them seals.
func TestBox_rotationInSteps_isReadByAllReplicas(t *testing.T) {
	k1, k2 := "k1:"+ringKey(1), "k2:"+ringKey(2)
	steps := []string{k1, k1 + "," + k2, k2 + "," + k1}
	for i := range steps[:len(steps)-1] {
		for _, pair := range [][2]string{{steps[i], steps[i+1]}, {steps[i+1], steps[i]}} {
			sealed := newBox(t, pair[0]).Seal([]byte("value"), "place")
			if got, err := newBox(t, pair[1]).Open(sealed, "place"); err != nil || string(got) != "value" {
				t.Errorf("step %d: %q, %v", i+1, got, err)
			}
		}
	}
}
