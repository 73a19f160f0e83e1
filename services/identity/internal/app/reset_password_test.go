package app_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
)

// codeInLink returns the code in the link that a mail has in the variable.
func codeInLink(t *testing.T, mail courier.Mail, variable string) string {
	t.Helper()
	link, err := url.Parse(mail.Variables[variable])
	if err != nil {
		t.Fatal(err)
	}
	return link.Query().Get("code")
}

// resetCode returns the code of a reset mail to the address.
func (h *harness) resetCode(email string) string {
	h.t.Helper()
	if err := h.SendPasswordResetCode(h.client(), app.PasswordResetCode{Email: email, CallbackURL: callback}); err != nil {
		h.t.Fatal(err)
	}
	return codeInLink(h.t, h.mail(), "passwordResetLink")
}

func TestResetPassword_codeOfMail_setsPasswordAndEndsSessions(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	if err := h.SendPasswordResetCode(h.client(), app.PasswordResetCode{Email: "Ada@Example.com", CallbackURL: callback}); err != nil {
		t.Fatal(err)
	}
	mail := h.mail()
	if mail.Template != "password_reset" || mail.ToUserID != userID || len(mail.ToEmails) != 1 || mail.ToEmails[0] != "Ada@Example.com" ||
		!mail.SkipDeliverabilityCheck || len(mail.Variables) != 1 {
		t.Errorf("mail %+v", mail)
	}
	code := codeInLink(t, mail, "passwordResetLink")
	if err := h.CheckPasswordResetCode(h.client(), strings.ToUpper(code)); err != nil {
		t.Fatal(err)
	}
	if err := h.ResetPassword(h.client(), strings.ToUpper(code), "another password"); err != nil {
		t.Fatal(err)
	}
	if want := (revocation{userID, "", app.ReasonPasswordChanged}); len(h.sessions.revoked) != 1 || h.sessions.revoked[0] != want {
		t.Errorf("revoked %+v", h.sessions.revoked)
	}
	if len(h.sessions.opened) != 0 || h.me(userID).EmailVerified() {
		t.Error("the code did more than set a password")
	}
	events := h.events()
	if facts(events) != "user.updated user.password_changed" || !events[1].GetPasswordChanged().GetRevokesSessions() {
		t.Errorf("events %v", events)
	}
	if _, err := h.SignInWithPassword(h.client(), "ada@example.com", password); !apierr.HasCode(err, apierr.CodeEmailPasswordMismatch) {
		t.Errorf("old password: %v", err)
	}
	if _, err := h.SignInWithPassword(h.client(), "ada@example.com", "another password"); err != nil {
		t.Errorf("new password: %v", err)
	}
	wantError(t, h.ResetPassword(h.client(), code, "a third password"), apierr.VerificationCodeAlreadyUsed())
	wantError(t, h.CheckPasswordResetCode(h.client(), code), apierr.VerificationCodeAlreadyUsed())
}

// R43. What differs between the addresses is hidden by the time of the answer.
func TestSendPasswordResetCode_anyAddress_answersAlike(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	withoutPassword := h.signUp("none@example.com")
	h.patch(withoutPassword, app.UserPatch{Password: patch.Null[secret.Secret]()})
	other := h.signUp("old@example.com")
	h.patch(other, app.UserPatch{PrimaryEmailAuthEnabled: patch.Value(false)})
	for email, mails := range map[string]int{
		"ada@example.com": 1, "none@example.com": 1, "old@example.com": 0, "eve@example.com": 0,
	} {
		h.exec(`DELETE FROM courier_mails`)
		h.paused = nil
		if err := h.SendPasswordResetCode(h.client(), app.PasswordResetCode{Email: email, CallbackURL: callback}); err != nil {
			t.Errorf("%s: %v", email, err)
		}
		if n := h.count(`SELECT count(*) FROM courier_mails`); n != mails {
			t.Errorf("%s: %d mails, want %d", email, n, mails)
		}
		if len(h.paused) != 1 || h.paused[0] != 2500*time.Millisecond {
			t.Errorf("%s: paused %v", email, h.paused)
		}
		const untrusted = "https://evil.example.net/"
		wantError(t, h.SendPasswordResetCode(h.client(), app.PasswordResetCode{Email: email, CallbackURL: untrusted}),
			apierr.RedirectURLNotWhitelisted(untrusted))
	}
}

func TestSendPasswordResetCode_pause_endsWithTheWorkDeducted(t *testing.T) {
	h := newHarness(t)
	slow := app.New(h.deps(func(deps *app.Deps) { deps.Configs = slowConfigs{h} }))
	if err := slow.SendPasswordResetCode(h.client(), app.PasswordResetCode{Email: "ada@example.com", CallbackURL: callback}); err != nil {
		t.Fatal(err)
	}
	if len(h.paused) != 1 || h.paused[0] != 1500*time.Millisecond {
		t.Errorf("paused %v", h.paused)
	}
}

// slowConfigs takes a second to answer.
type slowConfigs struct{ h *harness }

func (c slowConfigs) Get(context.Context, ids.Tenant, int64) (*projectconfig.Config, error) {
	c.h.clock.Advance(time.Second)
	return c.h.config, nil
}

func TestSendPasswordResetCode_passwordsOff_isRefused(t *testing.T) {
	h := newHarness(t)
	h.config.Auth.Password.AllowSignIn = false
	wantError(t, h.SendPasswordResetCode(h.client(), app.PasswordResetCode{Email: "ada@example.com", CallbackURL: "https://evil.example.net/"}),
		apierr.PasswordAuthenticationNotEnabled())
	if h.paused != nil {
		t.Errorf("paused %v", h.paused)
	}
}

func TestResetPassword_refusedPassword_leavesTheCode(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	code := h.resetCode("ada@example.com")
	wantError(t, h.ResetPassword(h.client(), ids.Secret(), "short"), apierr.VerificationCodeNotFound())
	h.config.Auth.Password.AllowSignIn = false
	wantError(t, h.ResetPassword(h.client(), code, "short"), apierr.PasswordAuthenticationNotEnabled())
	h.config.Auth.Password.AllowSignIn = true
	wantError(t, h.ResetPassword(h.client(), code, "short"), apierr.PasswordTooShort(8))
	wantError(t, h.ResetPassword(h.client(), code, "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü"), apierr.PasswordTooLong(70))
	h.hasher.err = apierr.Unavailable(time.Second)
	wantError(t, h.ResetPassword(h.client(), code, "another password"), apierr.Unavailable(time.Second))
	h.hasher.err = nil
	if err := h.ResetPassword(h.client(), code, "another password"); err != nil {
		t.Error(err)
	}
}

func TestResetPassword_userWithoutPassword_getsOne(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.patch(userID, app.UserPatch{Password: patch.Null[secret.Secret]()})
	if err := h.ResetPassword(h.client(), h.resetCode("ada@example.com"), "another password"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SignInWithPassword(h.client(), "ada@example.com", "another password"); err != nil {
		t.Error(err)
	}
}

func TestResetPassword_nobodyLeftToHaveIt_isNotFound(t *testing.T) {
	h := newHarness(t)
	gone := h.signUp("gone@example.com")
	goneCode := h.resetCode("gone@example.com")
	if err := h.deleteUser(gone); err != nil {
		t.Fatal(err)
	}
	bare := h.signUp("bare@example.com")
	bareCode := h.resetCode("bare@example.com")
	h.patch(bare, app.UserPatch{Password: patch.Null[secret.Secret](), PrimaryEmail: patch.Null[string]()})
	for _, code := range []string{goneCode, bareCode} {
		wantError(t, h.ResetPassword(h.client(), code, "another password"), apierr.VerificationCodeNotFound())
	}
	if h.me(bare).HasPassword {
		t.Error("a password was set")
	}
}

// Somebody who could read the mails of a user, or knew their password, may have
// kept a code. What the user does about it ends that.
func TestResetPassword_codeThatWasKept_isWorthNothingLater(t *testing.T) {
	for name, tt := range map[string]struct {
		then func(h *harness, userID string)
		want *apierr.Error
	}{
		"another address": {func(h *harness, userID string) {
			h.patch(userID, app.UserPatch{PrimaryEmail: patch.Value("new@example.com")})
			if err := h.DeleteContactChannel(h.as(principal.AccessClient, userID), userID, h.channel(userID, "ada@example.com")); err != nil {
				h.t.Fatal(err)
			}
		}, apierr.VerificationCodeNotFound()},
		"address of another user": {func(h *harness, userID string) {
			if err := h.DeleteContactChannel(h.as(principal.AccessClient, userID), userID, h.channel(userID, "ada@example.com")); err != nil {
				h.t.Fatal(err)
			}
			h.signUp("ada@example.com")
		}, apierr.VerificationCodeNotFound()},
		"another password": {func(h *harness, userID string) {
			if err := h.UpdatePassword(h.as(principal.AccessClient, userID), app.PasswordUpdate{Old: password, New: "a password of my own"}); err != nil {
				h.t.Fatal(err)
			}
		}, apierr.VerificationCodeExpired()},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			userID := h.signUp("ada@example.com")
			code := h.resetCode("ada@example.com")
			tt.then(h, userID)
			before := h.passwordHash(userID)
			wantError(t, h.CheckPasswordResetCode(h.client(), code), tt.want)
			for range 2 {
				wantError(t, h.ResetPassword(h.client(), code, "another password"), tt.want)
			}
			if h.passwordHash(userID) != before {
				t.Error("the password was replaced")
			}
		})
	}
}

// Codes that were mailed before they remembered anything but the user still work.
func TestResetPassword_olderCode_works(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	code := h.resetCode("ada@example.com")
	h.exec(`UPDATE one_time_codes SET data = json_build_object('user_id', $1::text) WHERE kind = 'password_reset'`, userID)
	if err := h.ResetPassword(h.client(), code, "another password"); err != nil {
		t.Error(err)
	}
}

func TestResetPassword_codeOfAnotherKind_isNotFound(t *testing.T) {
	h := newHarness(t)
	if _, err := h.SignUpWithPassword(h.client(), app.PasswordSignUp{Email: "ada@example.com", Password: password, VerificationCallbackURL: callback}); err != nil {
		t.Fatal(err)
	}
	verification := code(t, h.mail())
	wantError(t, h.ResetPassword(h.client(), verification, "another password"), apierr.VerificationCodeNotFound())
	wantError(t, h.VerifyContactChannel(h.client(), h.resetCode("ada@example.com")), apierr.VerificationCodeNotFound())
}

func TestResetPassword_sessionsDown_failsAndTheEventEnsures(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	code := h.resetCode("ada@example.com")
	h.sessions.err = apierr.Unavailable(time.Second)
	wantError(t, h.ResetPassword(h.client(), code, "another password"), apierr.Unavailable(time.Second))
	if got := facts(h.events()); got != "user.updated user.password_changed" {
		t.Errorf("events %s", got)
	}
	h.sessions.err = nil
	wantError(t, h.ResetPassword(h.client(), code, "another password"), apierr.VerificationCodeAlreadyUsed())
}

// R10. Without the guard in onetime.Consume several succeed.
func TestResetPassword_manyAtOnce_oneSucceeds(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	code := h.resetCode("ada@example.com")
	h.events()
	won := h.race(16, func(i int) error {
		return h.ResetPassword(h.client(), code, secret.Secret(fmt.Sprintf("password number %d", i)))
	}, apierr.CodeVerificationCodeAlreadyUsed)
	if len(won) != 1 {
		t.Fatalf("%d succeeded", len(won))
	}
	if got, want := h.passwordHash(userID), fmt.Sprintf("hash of password number %d", won[0]); got != want {
		t.Errorf("hash %q, want %q", got, want)
	}
	if got := facts(h.events()); got != "user.updated user.password_changed" {
		t.Errorf("events %s", got)
	}
}

// race runs try n times at once and returns which succeeded; the others must
// fail with the code.
func (h *harness) race(n int, try func(i int) error, loses string) (won []int) {
	h.t.Helper()
	outcomes := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range outcomes {
		all.Go(func() {
			<-start
			outcomes[i] = try(i)
		})
	}
	close(start)
	all.Wait()
	for i, err := range outcomes {
		switch {
		case err == nil:
			won = append(won, i)
		case !apierr.HasCode(err, loses):
			h.t.Errorf("error %v, want %s", err, loses)
		}
	}
	return won
}
