package app_test

import (
	"errors"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

var totpKey = []byte("12345678901234567890")

// enrol gives the user a second factor.
func (h *harness) enrol(userID string) {
	h.t.Helper()
	h.patch(userID, app.UserPatch{TOTPSecret: patch.Value(totpKey)})
	h.events()
}

// totp is what the user's authenticator app shows.
func (h *harness) totp() string { return domain.TOTP(totpKey, h.clock.Now()) }

// nextStep lets the app show the next code.
func (h *harness) nextStep() { h.clock.Advance(30 * time.Second) }

// attemptCode returns the code in the error that asks for the second factor.
func attemptCode(t *testing.T, err error) string {
	t.Helper()
	known, ok := errors.AsType[*apierr.Error](err)
	if !ok || known.Code != apierr.CodeMultiFactorAuthenticationRequired {
		t.Fatalf("error %v, want one that asks for the second factor", err)
	}
	code, ok := known.Details["attempt_code"].(string)
	if !ok || len(code) != ids.SecretLength {
		t.Fatalf("attempt code %q", code)
	}
	return code
}

// attempt proves the first factor.
func (h *harness) attempt(email string) string {
	h.t.Helper()
	_, err := h.SignInWithPassword(h.client(), email, password)
	return attemptCode(h.t, err)
}

func TestSignInWithMFA_rightCode_opensSession(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.enrol(userID)
	h.exec(`UPDATE user_activity SET last_active_at = now() - interval '1 day'`)
	code := h.attempt("ada@example.com")
	signedIn, err := h.SignInWithMFA(h.client(), code, h.totp())
	if err != nil {
		t.Fatal(err)
	}
	if signedIn.UserID != userID || signedIn.IsNewUser || signedIn.Tokens.RefreshToken != "refresh" || len(h.sessions.opened) != 1 {
		t.Errorf("%+v, opened %+v", signedIn, h.sessions.opened)
	}
	if active := h.me(userID).LastActiveAt; time.Since(active) > time.Hour {
		t.Errorf("last active %v", active)
	}
	h.nextStep()
	_, err = h.SignInWithMFA(h.client(), code, h.totp())
	wantError(t, err, apierr.VerificationCodeAlreadyUsed())
}

func TestSignInWithMFA_wrongCode_leavesTheAttempt(t *testing.T) {
	h := newHarness(t)
	h.enrol(h.signUp("ada@example.com"))
	code := h.attempt("ada@example.com")
	for _, totp := range []string{"", "abcdef", domain.TOTP(totpKey, h.clock.Now().Add(time.Hour)), domain.TOTP([]byte("other"), h.clock.Now())} {
		_, err := h.SignInWithMFA(h.client(), code, totp)
		wantError(t, err, apierr.InvalidTOTPCode())
	}
	if _, err := h.SignInWithMFA(h.client(), code, h.totp()); err != nil {
		t.Error(err)
	}
}

func TestSignInWithMFA_twentyAttempts_blockTheCode(t *testing.T) {
	h := newHarness(t)
	h.enrol(h.signUp("ada@example.com"))
	code := h.attempt("ada@example.com")
	h.exec(`UPDATE one_time_codes SET attempts = 19`)
	_, err := h.SignInWithMFA(h.client(), code, "")
	wantError(t, err, apierr.InvalidTOTPCode())
	_, err = h.SignInWithMFA(h.client(), code, h.totp())
	wantError(t, err, apierr.VerificationCodeMaxAttemptsReached())
}

func TestSignInWithMFA_codeOfAnotherKindOrProject_isNotFound(t *testing.T) {
	h := newOTPHarness(t)
	userID := h.signUp("ada@example.com")
	h.enrol(userID)
	_, err := h.SignInWithMFA(h.client(), h.resetCode("ada@example.com"), h.totp())
	wantError(t, err, apierr.VerificationCodeNotFound())
	code := h.attempt("ada@example.com")
	_, err = h.SignInWithOTP(h.client(), code)
	wantError(t, err, apierr.VerificationCodeNotFound())
	wantError(t, h.ResetPassword(h.client(), code, password), apierr.VerificationCodeNotFound())
	other := h.as(principal.AccessClient, "", func(p *principal.Principal) { p.ProjectID = ids.NewUUID(); p.SessionID = "" })
	_, err = h.SignInWithMFA(other, code, h.totp())
	wantError(t, err, apierr.VerificationCodeNotFound())
}

func TestSignInWithMFA_expired_isRefused(t *testing.T) {
	h := newHarness(t)
	h.enrol(h.signUp("ada@example.com"))
	code := h.attempt("ada@example.com")
	if n := h.count(`SELECT count(*) FROM one_time_codes WHERE expires_at - created_at = interval '5 minutes'`); n != 1 {
		t.Error("the code is not valid for 5 minutes")
	}
	h.exec(`UPDATE one_time_codes SET expires_at = now()`)
	_, err := h.SignInWithMFA(h.client(), code, h.totp())
	wantError(t, err, apierr.VerificationCodeExpired())
}

// R13. Without the primary key of totp_steps several succeed.
func TestSignInWithMFA_sameStep_worksOnce(t *testing.T) {
	h := newHarness(t)
	h.enrol(h.signUp("ada@example.com"))
	var codes []string
	for range 16 {
		codes = append(codes, h.attempt("ada@example.com"))
	}
	won := h.race(len(codes), func(i int) error {
		_, err := h.SignInWithMFA(h.client(), codes[i], h.totp())
		return err
	}, apierr.CodeInvalidTOTPCode)
	if len(won) != 1 || len(h.sessions.opened) != 1 {
		t.Fatalf("%d succeeded, %d sessions", len(won), len(h.sessions.opened))
	}
	// A refused replay spends nothing; the next code works.
	lost := codes[(won[0]+1)%len(codes)]
	_, err := h.SignInWithMFA(h.client(), lost, h.totp())
	wantError(t, err, apierr.InvalidTOTPCode())
	h.nextStep()
	if _, err := h.SignInWithMFA(h.client(), lost, h.totp()); err != nil {
		t.Error(err)
	}
}

// R10. Without the guard in onetime.Consume several succeed.
func TestSignInWithMFA_sameAttempt_worksOnce(t *testing.T) {
	h := newHarness(t)
	h.enrol(h.signUp("ada@example.com"))
	code := h.attempt("ada@example.com")
	// Three different codes of the app are good at the moment.
	shown := []string{
		domain.TOTP(totpKey, h.clock.Now().Add(-30*time.Second)), h.totp(), domain.TOTP(totpKey, h.clock.Now().Add(30*time.Second)),
	}
	won := h.race(len(shown), func(i int) error {
		_, err := h.SignInWithMFA(h.client(), code, shown[i])
		return err
	}, apierr.CodeVerificationCodeAlreadyUsed)
	if len(won) != 1 || len(h.sessions.opened) != 1 {
		t.Errorf("%d succeeded, %d sessions", len(won), len(h.sessions.opened))
	}
}

func TestSignInWithMFA_oldSteps_areForgotten(t *testing.T) {
	h := newHarness(t)
	h.enrol(h.signUp("ada@example.com"))
	for range 6 {
		if _, err := h.SignInWithMFA(h.client(), h.attempt("ada@example.com"), h.totp()); err != nil {
			t.Fatal(err)
		}
		h.nextStep()
	}
	if n := h.count(`SELECT count(*) FROM totp_steps`); n != 3 {
		t.Errorf("%d steps kept, want 3", n)
	}
}

func TestSignInWithMFA_passwordChangedSince_hasExpired(t *testing.T) {
	for name, change := range map[string]func(h *harness, userID string) error{
		"reset": func(h *harness, _ string) error {
			return h.ResetPassword(h.client(), h.resetCode("ada@example.com"), "another password")
		},
		"update": func(h *harness, userID string) error {
			return h.UpdatePassword(h.as(principal.AccessClient, userID), app.PasswordUpdate{Old: password, New: "another password"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			userID := h.signUp("ada@example.com")
			h.enrol(userID)
			code := h.attempt("ada@example.com")
			if err := change(h, userID); err != nil {
				t.Fatal(err)
			}
			_, err := h.SignInWithMFA(h.client(), code, h.totp())
			wantError(t, err, apierr.VerificationCodeExpired())
			if len(h.sessions.opened) != 0 {
				t.Errorf("opened %+v", h.sessions.opened)
			}
		})
	}
}

// Without the guard in RecordSignIn a session of the old password survives.
func TestSignInWithMFA_passwordReplacedMeanwhile_endsTheSession(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.enrol(userID)
	code := h.attempt("ada@example.com")
	h.sessions.opening = func() {
		h.exec(`UPDATE passwords SET changed_at = now() + interval '1 microsecond' WHERE user_id = $1`, userID)
	}
	_, err := h.SignInWithMFA(h.client(), code, h.totp())
	wantError(t, err, apierr.VerificationCodeExpired())
	if want := (revocation{userID, "", app.ReasonPasswordChanged}); len(h.sessions.revoked) != 1 || h.sessions.revoked[0] != want {
		t.Errorf("revoked %+v", h.sessions.revoked)
	}
}

func TestSignInWithMFA_userOrFactorGone_isRefused(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.enrol(userID)
	code := h.attempt("ada@example.com")
	h.patch(userID, app.UserPatch{TOTPSecret: patch.Null[[]byte]()})
	_, err := h.SignInWithMFA(h.client(), code, h.totp())
	wantError(t, err, apierr.InvalidTOTPCode())
	if err := h.deleteUser(userID); err != nil {
		t.Fatal(err)
	}
	_, err = h.SignInWithMFA(h.client(), code, h.totp())
	wantError(t, err, apierr.VerificationCodeNotFound())
}

func TestSignInWithMFA_upgradedUser_isNew(t *testing.T) {
	h := newOTPHarness(t)
	for _, email := range []string{"password@example.com", "mail@example.com"} {
		userID := h.signUpAnonymously()
		h.enrol(userID)
		ctx := h.as(principal.AccessClient, userID, anonymous)
		var err error
		if email == "mail@example.com" {
			_, err = h.SignInWithOTP(ctx, h.otpCode(email))
		} else {
			_, err = h.SignUpWithPassword(ctx, app.PasswordSignUp{Email: email, Password: password})
		}
		signedIn, err := h.SignInWithMFA(h.client(), attemptCode(t, err), h.totp())
		if err != nil || signedIn.UserID != userID || !signedIn.IsNewUser {
			t.Errorf("%s: %+v, %v", email, signedIn, err)
		}
	}
}
