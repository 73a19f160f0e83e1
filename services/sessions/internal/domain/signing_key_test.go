package domain

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"regexp"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newKey(t *testing.T, state KeyState) SigningKey {
	t.Helper()
	key, err := NewSigningKey(Audience{ProjectID: "internal"}, state, epoch)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestNewSigningKey_publicPart_verifies(t *testing.T) {
	key := newKey(t, KeyActive)
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{12}$`).MatchString(key.KID) {
		t.Errorf("kid %q", key.KID)
	}
	digest := sha256.Sum256([]byte("message"))
	signature, err := ecdsa.SignASN1(rand.Reader, key.Private, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	point := append(append([]byte{4}, key.X...), key.Y...)
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	if !ecdsa.VerifyASN1(public, digest[:], signature) {
		t.Error("the published point does not verify")
	}
}

func TestNewKeySet_table_wantsActiveAndOneOther(t *testing.T) {
	active, next, retired := newKey(t, KeyActive), newKey(t, KeyNext), newKey(t, KeyRetired)
	for name, tt := range map[string]struct {
		keys []SigningKey
		ok   bool
	}{
		"none":               {nil, false},
		"active alone":       {[]SigningKey{active}, false},
		"two active":         {[]SigningKey{active, active}, false},
		"none active":        {[]SigningKey{next, retired}, false},
		"three":              {[]SigningKey{active, next, retired}, false},
		"active and next":    {[]SigningKey{active, next}, true},
		"retired and active": {[]SigningKey{retired, active}, true},
	} {
		set, ok := NewKeySet(tt.keys)
		if ok != tt.ok || ok && set.Active.KID != active.KID {
			t.Errorf("%s: %v, active %s", name, ok, set.Active.KID)
		}
	}
}

func TestStep_table_waitsForVerifiersAndTokens(t *testing.T) {
	rotation := Rotation{Every: 90 * 24 * time.Hour, Ahead: time.Hour, Keep: 11 * time.Minute}
	withNext := KeySet{
		Active: SigningKey{State: KeyActive, ActivatedAt: epoch},
		Other:  SigningKey{State: KeyNext, CreatedAt: epoch},
	}
	freshNext := withNext
	freshNext.Other.CreatedAt = epoch.Add(rotation.Every)
	withRetired := KeySet{
		Active: SigningKey{State: KeyActive, ActivatedAt: epoch},
		Other:  SigningKey{State: KeyRetired, RetiredAt: epoch},
	}
	for name, tt := range map[string]struct {
		set   KeySet
		after time.Duration
		early bool
		want  KeyStep
	}{
		"young key":                          {withNext, rotation.Every - 1, false, KeepKeys},
		"old key":                            {withNext, rotation.Every, false, RotateKeys},
		"old key, next one hardly known":     {freshNext, rotation.Every + rotation.Ahead - 1, false, KeepKeys},
		"old key, next one known":            {freshNext, rotation.Every + rotation.Ahead, false, RotateKeys},
		"early":                              {withNext, rotation.Ahead, true, RotateKeys},
		"early, next one hardly known":       {withNext, rotation.Ahead - 1, true, KeepKeys},
		"retired, its tokens live":           {withRetired, rotation.Keep - 1, false, KeepKeys},
		"retired, its tokens live, early":    {withRetired, rotation.Keep - 1, true, KeepKeys},
		"retired, its tokens have expired":   {withRetired, rotation.Keep, false, ReplaceRetired},
		"retired long ago and active is old": {withRetired, 2 * rotation.Every, false, ReplaceRetired},
	} {
		if got := rotation.Step(tt.set, epoch.Add(tt.after), tt.early); got != tt.want {
			t.Errorf("%s: step %d, want %d", name, got, tt.want)
		}
	}
}

// One in 128 keys has a coordinate with a leading zero byte, which must not get
// lost.
func TestNewSigningKey_many_haveCoordinatesOfFullWidth(t *testing.T) {
	for range 1000 {
		key := newKey(t, KeyNext)
		if len(key.X) != 32 || len(key.Y) != 32 {
			t.Fatalf("coordinates of %d and %d bytes", len(key.X), len(key.Y))
		}
	}
}
