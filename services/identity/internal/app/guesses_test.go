package app_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
)

// at is the context of a request from an address.
func at(ctx context.Context, address string) context.Context {
	return principal.NewRequestContext(ctx, principal.Request{ClientIP: address})
}

// signInAt tries to sign in from an address.
func (h *harness) signInAt(address, email string, password secret.Secret) error {
	_, err := h.SignInWithPassword(at(h.client(), address), email, password)
	return err
}

const wrong = secret.Secret("not the password")

// refused tells whether a guess was not looked at, and whether waiting helps.
func refused(err error) (refused, wait bool) {
	known, ok := err.(*apierr.Error)
	if !ok || known.HTTP != 429 {
		return false, false
	}
	return true, known.Header["Retry-After"] != ""
}

func TestSignInWithPassword_manyRight_neverWait(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	for i := range 60 {
		if err := h.signInAt("192.0.2.1", "ada@example.com", password); err != nil {
			t.Fatalf("sign-in %d: %v", i, err)
		}
		if i%10 == 0 {
			wantError(t, h.signInAt("192.0.2.1", "ada@example.com", wrong), apierr.EmailPasswordMismatch())
		}
	}
	h.race(64, func(int) error { return h.signInAt("192.0.2.1", "ada@example.com", password) }, "")
}

// R42. Also an address that nobody signs in with: otherwise the limit would tell.
func TestSignInWithPassword_wrongFromOnePlace_waitsThere(t *testing.T) {
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		h := newHarness(t)
		h.signUp("ada@example.com")
		for i := range 10 {
			if err := h.signInAt("192.0.2.1", email, wrong); !apierr.HasCode(err, apierr.CodeEmailPasswordMismatch) {
				t.Fatalf("%s: guess %d: %v", email, i, err)
			}
		}
		h.hasher.worked = 0
		for _, password := range []secret.Secret{wrong, password} {
			if no, wait := refused(h.signInAt("192.0.2.1", email, password)); !no || !wait {
				t.Errorf("%s: not told to wait", email)
			}
		}
		if h.hasher.worked != 0 {
			t.Errorf("%s: %d passwords were looked at", email, h.hasher.worked)
		}
		wantError(t, h.signInAt("192.0.2.2", email, wrong), apierr.EmailPasswordMismatch())
		h.exec(`UPDATE guesses SET full_at = full_at - interval '1 minute'`)
		wantError(t, h.signInAt("192.0.2.1", email, wrong), apierr.EmailPasswordMismatch())
		if no, _ := refused(h.signInAt("192.0.2.1", email, wrong)); !no {
			t.Errorf("%s: a minute gave more than one", email)
		}
	}
}

func TestSignInWithPassword_oneSubscriber_isOnePlace(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	for i := range 10 {
		wantError(t, h.signInAt(fmt.Sprintf("2001:db8:1:2::%d", i), "ada@example.com", wrong), apierr.EmailPasswordMismatch())
	}
	if no, _ := refused(h.signInAt("2001:db8:1:2:ffff::1", "ada@example.com", password)); !no {
		t.Error("another address of the same /64 is another place")
	}
	if err := h.signInAt("2001:db8:1:3::1", "ada@example.com", password); err != nil {
		t.Errorf("the next /64: %v", err)
	}
}

// R42. Without the guard in BeginGuess all of them are looked at.
func TestSignInWithPassword_flood_looksAtAHundred(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	if err := h.signInAt("198.51.100.1", "ada@example.com", password); err != nil {
		t.Fatal(err)
	}
	h.hasher.worked = 0
	var next atomic.Int64
	flood := func() {
		h.race(16, func(int) error {
			for range 40 {
				n := next.Add(1)
				err := h.signInAt(fmt.Sprintf("10.0.%d.%d", n%500/250, n%250), "ada@example.com", wrong)
				if no, _ := refused(err); !no && !apierr.HasCode(err, apierr.CodeEmailPasswordMismatch) {
					return err
				}
			}
			return nil
		}, "")
	}
	flood()
	// A new process on the same database knows.
	h.useDB(pgtest.Open(t, h.url, 16))
	flood()
	if h.hasher.worked != 100 {
		t.Errorf("%d passwords were looked at, want 100", h.hasher.worked)
	}
	for _, password := range []secret.Secret{wrong, password} {
		if no, wait := refused(h.signInAt("203.0.113.1", "ada@example.com", password)); !no || wait {
			t.Error("guessing from anywhere goes on")
		}
	}
	// Where the owner signed in before they still can, and are held to the same
	// there.
	wantError(t, h.signInAt("198.51.100.1", "ada@example.com", wrong), apierr.EmailPasswordMismatch())
	if err := h.signInAt("198.51.100.1", "ada@example.com", password); err != nil {
		t.Errorf("from a known place: %v", err)
	}
}

// lock makes guesses about a user fail until nobody may guess any more.
func (h *harness) lock(kind app.GuessKind, userID string) {
	h.t.Helper()
	h.exec(`INSERT INTO guesses (project_id, branch_id, kind, subject, source, failures) VALUES ($1, $2, $3, $4, '', 100)
		ON CONFLICT ON CONSTRAINT guesses_pkey DO UPDATE SET failures = 100`, h.tenant.ProjectID, h.tenant.BranchID, kind, app.UserSubject(userID))
}

func TestSignInWithPassword_locked_opensByMail(t *testing.T) {
	for name, open := range map[string]func(h *harness, userID string) secret.Secret{
		"reset": func(h *harness, _ string) secret.Secret {
			if err := h.ResetPassword(h.client(), h.resetCode("ada@example.com"), "a new password"); err != nil {
				h.t.Fatal(err)
			}
			return "a new password"
		},
		"sign-in by mail": func(h *harness, _ string) secret.Secret {
			if _, err := h.SignInWithOTP(at(h.client(), "203.0.113.1"), h.otpCode("ada@example.com")); err != nil {
				h.t.Fatal(err)
			}
			return password
		},
		"server": func(h *harness, userID string) secret.Secret {
			h.update(userID, app.UserPatch{Password: patch.Value(secret.Secret("a new password"))})
			return "a new password"
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newOTPHarness(t)
			userID := h.signUp("ada@example.com")
			h.exec(`UPDATE contact_channels SET is_verified = true`)
			h.lock(app.GuessPassword, userID)
			if no, _ := refused(h.signInAt("203.0.113.1", "ada@example.com", password)); !no {
				t.Fatal("not locked")
			}
			if err := h.signInAt("203.0.113.1", "ada@example.com", open(h, userID)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUpdatePassword_wrongOldOnes_countAsGuesses(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	update := func(old secret.Secret) error {
		return h.UpdatePassword(at(h.as(principal.AccessClient, userID), "192.0.2.1"), app.PasswordUpdate{Old: old, New: "another password"})
	}
	for range 10 {
		wantError(t, update(wrong), apierr.PasswordConfirmationMismatch())
	}
	if no, wait := refused(update(password)); !no || !wait {
		t.Error("not told to wait")
	}
	if no, _ := refused(h.signInAt("192.0.2.1", "ada@example.com", password)); !no {
		t.Error("the sign-in has guesses of its own")
	}
}

func TestSignInWithPassword_notLookedAt_isNoGuess(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	h.hasher.err = apierr.Unavailable(time.Second)
	for range 20 {
		if err := h.signInAt("192.0.2.1", "ada@example.com", wrong); !isText(err, 503) {
			t.Fatal(err)
		}
	}
	if n := h.count(`SELECT sum(failures) FROM guesses`); n != 0 {
		t.Errorf("%d failures", n)
	}
	h.hasher.err = nil
	wantError(t, h.signInAt("192.0.2.1", "ada@example.com", wrong), apierr.EmailPasswordMismatch())
}

// An attempt code gives twenty tries; a thief of the password makes as many
// codes as they like.
func TestSignInWithMFA_manyWrong_endEvenWithNewCodes(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.enrol(userID)
	looked := 0
	for range 5 {
		code := h.attempt("ada@example.com")
		for range 20 {
			_, err := h.SignInWithMFA(at(h.client(), "192.0.2.1"), code, "000000")
			if apierr.HasCode(err, apierr.CodeInvalidTOTPCode) {
				looked++
			} else if no, wait := refused(err); !no || !wait {
				t.Fatal(err)
			}
		}
	}
	if looked != 25 {
		t.Errorf("%d codes were looked at, want 25", looked)
	}
	if _, err := h.SignInWithMFA(at(h.client(), "192.0.2.2"), h.attempt("ada@example.com"), h.totp()); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
	h.nextStep()
	h.lock(app.GuessTOTP, userID)
	_, err := h.SignInWithMFA(at(h.client(), "192.0.2.3"), h.attempt("ada@example.com"), h.totp())
	if no, wait := refused(err); !no || wait {
		t.Errorf("locked: %v", err)
	}
	if _, err := h.SignInWithMFA(at(h.client(), "192.0.2.2"), h.attempt("ada@example.com"), h.totp()); err != nil {
		t.Errorf("from a known place: %v", err)
	}
	if err := h.ResetPassword(h.client(), h.resetCode("ada@example.com"), password); err != nil {
		t.Fatal(err)
	}
	h.nextStep()
	if _, err := h.SignInWithMFA(at(h.client(), "192.0.2.3"), h.attempt("ada@example.com"), h.totp()); err != nil {
		t.Errorf("after a reset: %v", err)
	}
}

func TestForgetOldGuesses_rows_decideNothing(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.signUp("eve@example.com")
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		wantError(t, h.signInAt("192.0.2.1", email, wrong), apierr.EmailPasswordMismatch())
	}
	if err := h.signInAt("192.0.2.2", "ada@example.com", password); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.signInAt("192.0.2.3", "eve@example.com", wrong), apierr.EmailPasswordMismatch())
	forget := func(want int) {
		t.Helper()
		if err := h.store.ForgetOldGuesses(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := h.count(`SELECT count(*) FROM guesses`); n != want {
			t.Errorf("%d rows, want %d", n, want)
		}
	}
	forget(7)
	h.exec(`UPDATE guesses SET full_at = now() - interval '1 second', changed_at = now() - interval '2 days'`)
	// What is left: the known place of one, and what all others have failed.
	forget(3)
	if err := h.deleteUser(userID); err != nil {
		t.Fatal(err)
	}
	forget(1)
	h.exec(`UPDATE guesses SET changed_at = now() - interval '91 days'`)
	forget(0)
}
