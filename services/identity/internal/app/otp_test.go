package app_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// newOTPHarness is a harness whose project lets people sign in by mail.
func newOTPHarness(t *testing.T) *harness {
	t.Helper()
	h := newHarness(t)
	h.config.Auth.OTP.AllowSignIn = true
	return h
}

// otpMail asks for a mail to sign in with and takes it from the queue.
func (h *harness) otpMail(email string) (mail courier.Mail, nonce string) {
	h.t.Helper()
	nonce, err := h.SendOTPSignInCode(h.client(), app.OTPSignInCode{Email: email, CallbackURL: callback})
	if err != nil {
		h.t.Fatal(err)
	}
	return h.mail(), nonce
}

// otpCode returns the code of a sign-in mail to the address.
func (h *harness) otpCode(email string) string {
	h.t.Helper()
	mail, _ := h.otpMail(email)
	return codeInLink(h.t, mail, "magicLink")
}

// signUpByMail creates a verified user without password.
func (h *harness) signUpByMail(email string) (userID string) {
	h.t.Helper()
	signedIn, err := h.SignInWithOTP(h.client(), h.otpCode(email))
	if err != nil {
		h.t.Fatal(err)
	}
	h.events()
	h.sessions.reset()
	return signedIn.UserID
}

func TestSignInWithOTP_unknownAddress_createsVerifiedUser(t *testing.T) {
	h := newOTPHarness(t)
	ctx := principal.NewRequestContext(h.client(), principal.Request{Country: "CH"})
	nonce, err := h.SendOTPSignInCode(ctx, app.OTPSignInCode{Email: "Ada@Example.com", CallbackURL: callback})
	if err != nil {
		t.Fatal(err)
	}
	mail := h.mail()
	code := codeInLink(t, mail, "magicLink")
	if mail.Template != "magic_link" || mail.ToUserID != "" || len(mail.ToEmails) != 1 || mail.ToEmails[0] != "Ada@Example.com" ||
		!mail.SkipDeliverabilityCheck || !strings.Contains(mail.Variables["magicLink"], "next=home") {
		t.Errorf("mail %+v", mail)
	}
	typed := mail.Variables["otp"]
	if len(typed) != 6 || typed != strings.ToUpper(typed) || strings.ToLower(typed)+nonce != code {
		t.Errorf("typed %q, nonce %q, code %q", typed, nonce, code)
	}
	if n := h.count(`SELECT count(*) FROM users`); n != 0 {
		t.Errorf("%d users before the code was used", n)
	}

	signedIn, err := h.SignInWithOTP(h.client(), typed+nonce)
	if err != nil {
		t.Fatal(err)
	}
	user := h.me(signedIn.UserID)
	if !signedIn.IsNewUser || *user.PrimaryEmail != (domain.PrimaryEmail{Value: "ada@example.com", IsVerified: true, UsedForAuth: true}) ||
		!user.OTPAuthEnabled || user.HasPassword || user.CountryCode == nil || *user.CountryCode != "CH" {
		t.Errorf("%+v, user %+v", signedIn, user)
	}
	if len(h.sessions.opened) != 1 || h.sessions.opened[0].User.ID != signedIn.UserID {
		t.Errorf("opened %+v", h.sessions.opened)
	}
	events := h.events()
	if facts(events) != "user.created" || events[0].GetUserCreated().GetUser().AsMap()["otp_auth_enabled"] != true {
		t.Errorf("events %v", events)
	}
}

func TestSignInWithOTP_knownAddress_signsInThatUser(t *testing.T) {
	h := newOTPHarness(t)
	userID := h.signUp("ada@example.com")
	h.patch(userID, app.UserPatch{PrimaryEmailVerified: patch.Value(true)})
	visitor := h.signUpAnonymously()
	h.exec(`UPDATE user_activity SET last_active_at = now() - interval '1 day'`)
	h.events()
	code := h.otpCode("ADA@example.com")
	if user := h.me(userID); !user.OTPAuthEnabled {
		t.Error("asking for a code did not add the method")
	}
	signedIn, err := h.SignInWithOTP(h.as(principal.AccessClient, visitor, anonymous), strings.ToUpper(code))
	if err != nil {
		t.Fatal(err)
	}
	if signedIn.UserID != userID || signedIn.IsNewUser || !h.me(visitor).IsAnonymous {
		t.Errorf("signed in %+v", signedIn)
	}
	if n := h.count(`SELECT count(*) FROM user_activity WHERE last_active_at > now() - interval '1 hour' AND user_id = $1`, userID); n != 1 {
		t.Error("the sign-in was not noted")
	}
	if got := facts(h.events()); got != "" {
		t.Errorf("events %s", got)
	}
}

func TestSignInWithOTP_methodRemovedMeanwhile_isAddedAgain(t *testing.T) {
	h := newOTPHarness(t)
	userID := h.signUpByMail("ada@example.com")
	code := h.otpCode("ada@example.com")
	h.patch(userID, app.UserPatch{OTPAuthEnabled: patch.Value(false)})
	// Turned off for the project, it still works for users who exist.
	h.config.Auth.OTP.AllowSignIn = false
	if _, err := h.SignInWithOTP(h.client(), code); err != nil {
		t.Fatal(err)
	}
	if !h.me(userID).OTPAuthEnabled {
		t.Error("the method is missing")
	}
}

func TestSignInWithOTP_anonymousUser_isUpgradedInPlace(t *testing.T) {
	h := newOTPHarness(t)
	userID := h.signUpAnonymously()
	h.patch(userID, app.UserPatch{ClientMetadata: patch.Value(json.RawMessage(`{"cart":[1]}`))})
	before := h.me(userID)
	h.events()
	signedIn, err := h.SignInWithOTP(h.as(principal.AccessClient, userID, anonymous), h.otpCode("ada@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	user := h.me(userID)
	if signedIn.UserID != userID || !signedIn.IsNewUser || user.IsAnonymous || !user.OTPAuthEnabled || !user.EmailVerified() ||
		string(user.ClientMetadata) != `{"cart":[1]}` || !user.SignedUpAt.After(before.SignedUpAt) {
		t.Errorf("after the upgrade: %+v", user)
	}
	if len(h.sessions.revoked) != 0 {
		t.Errorf("revoked %+v", h.sessions.revoked)
	}
	if got := facts(h.events()); got != "user.updated" {
		t.Errorf("events %s", got)
	}
	if len(h.teams.renamed) != 1 || h.teams.renamed[0] != "|ada@example.com" {
		t.Errorf("renamed %q", h.teams.renamed)
	}
}

// R43. What has to be written for a user and what for nobody is hidden by the time
// of the answer.
func TestSendOTPSignInCode_anyAddress_answersAlike(t *testing.T) {
	h := newOTPHarness(t)
	h.signUpByMail("ada@example.com")
	for range 2 {
		for _, email := range []string{"ada@example.com", "eve@example.com"} {
			h.paused = nil
			if _, nonce := h.otpMail(email); len(nonce) != 39 {
				t.Errorf("%s: the nonce %q", email, nonce)
			}
			if len(h.paused) != 1 || h.paused[0] != 100*time.Millisecond {
				t.Errorf("%s: paused %v", email, h.paused)
			}
		}
	}
}

func TestSendOTPSignInCode_checks_comeInOrder(t *testing.T) {
	h := newHarness(t)
	unverified := h.signUp("ada@example.com")
	const untrusted = "https://evil.example.net/"
	send := func(email, callbackURL string) error {
		_, err := h.SendOTPSignInCode(h.client(), app.OTPSignInCode{Email: email, CallbackURL: callbackURL})
		return err
	}
	h.config.Auth.AllowSignUp = false
	if err := send("ADA@example.com", untrusted); !isText(err, 403) {
		t.Errorf("switched off: %v", err)
	}
	h.config.Auth.OTP.AllowSignIn = true
	err := send("ADA@example.com", untrusted)
	known, ok := errors.AsType[*apierr.Error](err)
	if !ok || known.Code != apierr.CodeUserEmailAlreadyExists || known.Details["email"] != "ada@example.com" ||
		known.Details["would_work_if_email_was_verified"] != true {
		t.Errorf("unverified: %v", err)
	}
	wantError(t, send("eve@example.com", untrusted), apierr.SignUpNotEnabled())
	h.config.Auth.AllowSignUp = true
	wantError(t, send("eve@example.com", untrusted), apierr.RedirectURLNotWhitelisted(untrusted))
	if n := h.count(`SELECT (SELECT count(*) FROM courier_mails) + (SELECT count(*) FROM one_time_codes)`); n != 0 {
		t.Errorf("%d mails and codes", n)
	}
	if h.me(unverified).OTPAuthEnabled {
		t.Error("a method was added")
	}
	h.config.Auth.AllowSignUp = false
	h.patch(unverified, app.UserPatch{PrimaryEmailVerified: patch.Value(true)})
	if err := send("ada@example.com", callback); err != nil {
		t.Errorf("a known address, without sign-up: %v", err)
	}
}

func TestSignInWithOTP_circumstancesChanged_refusesAndSpendsTheCode(t *testing.T) {
	for name, change := range map[string]struct {
		change func(h *harness)
		check  func(err error) bool
	}{
		"sign-up switched off": {
			func(h *harness) { h.config.Auth.AllowSignUp = false },
			func(err error) bool { return apierr.HasCode(err, apierr.CodeSignUpNotEnabled) },
		},
		"method switched off": {
			func(h *harness) { h.config.Auth.OTP.AllowSignIn = false },
			func(err error) bool { return isText(err, 403) },
		},
		"sign-up rules": {
			func(h *harness) { h.config.Auth.SignUpRulesDefaultAction = "reject" },
			func(err error) bool { return apierr.HasCode(err, apierr.CodeSignUpRejected) },
		},
		"address taken": {
			func(h *harness) { h.signUp("ada@example.com") },
			func(err error) bool { return apierr.HasCode(err, apierr.CodeUserEmailAlreadyExists) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newOTPHarness(t)
			code := h.otpCode("ada@example.com")
			change.change(h)
			h.sessions.reset()
			if _, err := h.SignInWithOTP(h.client(), code); !change.check(err) {
				t.Errorf("error %v", err)
			}
			_, err := h.SignInWithOTP(h.client(), code)
			wantError(t, err, apierr.VerificationCodeAlreadyUsed())
			if len(h.sessions.opened) != 0 {
				t.Errorf("opened %+v", h.sessions.opened)
			}
		})
	}
}

func TestSignInWithOTP_severalCodes_eachWorksOnce(t *testing.T) {
	h := newOTPHarness(t)
	codes := []string{h.otpCode("ada@example.com"), h.otpCode("ada@example.com"), h.otpCode("ada@example.com")}
	users := map[string]bool{}
	for _, code := range codes {
		if err := h.CheckOTPSignInCode(h.client(), code); err != nil {
			t.Errorf("check: %v", err)
		}
		signedIn, err := h.SignInWithOTP(h.client(), code)
		if err != nil {
			t.Fatal(err)
		}
		users[signedIn.UserID] = true
		_, err = h.SignInWithOTP(h.client(), code)
		wantError(t, err, apierr.VerificationCodeAlreadyUsed())
		wantError(t, h.CheckOTPSignInCode(h.client(), code), apierr.VerificationCodeAlreadyUsed())
	}
	if len(users) != 1 {
		t.Errorf("signed in as %v", users)
	}
}

// R42. Nobody finds six characters by trying.
func TestSignInWithOTP_guesses_endAfterTwenty(t *testing.T) {
	h := newOTPHarness(t)
	mail, nonce := h.otpMail("ada@example.com")
	code := codeInLink(t, mail, "magicLink")
	for i := range 20 {
		guess := "00000" + string(ids.Alphabet[i]) + nonce
		if guess == code {
			continue
		}
		_, err := h.SignInWithOTP(h.client(), guess)
		wantError(t, err, apierr.VerificationCodeNotFound())
	}
	_, err := h.SignInWithOTP(h.client(), code)
	wantError(t, err, apierr.VerificationCodeMaxAttemptsReached())
}

func TestSignInWithOTP_foreignCode_isNotFound(t *testing.T) {
	h := newOTPHarness(t)
	code := h.otpCode("ada@example.com")
	other := principal.NewContext(t.Context(), principal.Principal{ProjectID: ids.NewUUID(), BranchID: "main", Access: principal.AccessClient})
	_, err := h.SignInWithOTP(other, code)
	wantError(t, err, apierr.VerificationCodeNotFound())
	wantError(t, h.ResetPassword(h.client(), code, password), apierr.VerificationCodeNotFound())
	h.signUp("eve@example.com")
	_, err = h.SignInWithOTP(h.client(), h.resetCode("eve@example.com"))
	wantError(t, err, apierr.VerificationCodeNotFound())
}

func TestSignInWithOTP_expired_isRefused(t *testing.T) {
	h := newOTPHarness(t)
	code := h.otpCode("ada@example.com")
	if n := h.count(`SELECT count(*) FROM one_time_codes WHERE expires_at - created_at = interval '7 days'`); n != 1 {
		t.Error("the code is not valid for 7 days")
	}
	h.exec(`UPDATE one_time_codes SET expires_at = now()`)
	_, err := h.SignInWithOTP(h.client(), code)
	wantError(t, err, apierr.VerificationCodeExpired())
}

// R10. Without the guard in onetime.Consume several succeed.
func TestSignInWithOTP_manyAtOnce_oneSucceeds(t *testing.T) {
	h := newOTPHarness(t)
	code := h.otpCode("ada@example.com")
	won := h.race(16, func(int) error {
		_, err := h.SignInWithOTP(h.client(), code)
		return err
	}, apierr.CodeVerificationCodeAlreadyUsed)
	if len(won) != 1 || len(h.sessions.opened) != 1 || h.count(`SELECT count(*) FROM users`) != 1 {
		t.Errorf("%d succeeded, %d sessions", len(won), len(h.sessions.opened))
	}
}

// R14. Without the unique index contact_channels_used_for_auth_key this fails:
// several ways to sign up, one address.
func TestSignUp_sameAddressByMailAndPassword_createsOneUser(t *testing.T) {
	h := newOTPHarness(t)
	codes := []string{h.otpCode("ada@example.com"), h.otpCode("Ada@example.com"), h.otpCode("ADA@example.com")}
	h.race(2*len(codes), func(i int) error {
		ctx := h.client()
		if i >= len(codes) {
			_, err := h.SignUpWithPassword(ctx, app.PasswordSignUp{Email: "ada@EXAMPLE.com", Password: password})
			return err
		}
		_, err := h.SignInWithOTP(ctx, codes[i])
		return err
	}, apierr.CodeUserEmailAlreadyExists)
	if n := h.count(`SELECT count(*) FROM users`); n != 1 {
		t.Errorf("%d users", n)
	}
	if got := facts(h.events()); got != "user.created" {
		t.Errorf("events %s", got)
	}
}

// Without the guard in RecordSignIn a session of the deleted user survives.
func TestSignInWithOTP_userDeletedMeanwhile_endsTheSession(t *testing.T) {
	h := newOTPHarness(t)
	userID := h.signUpByMail("ada@example.com")
	code := h.otpCode("ada@example.com")
	h.sessions.opening = func() { h.exec(`DELETE FROM users WHERE id = $1`, userID) }
	_, err := h.SignInWithOTP(h.client(), code)
	wantError(t, err, apierr.VerificationCodeAlreadyUsed())
	if len(h.sessions.revoked) != 1 || h.sessions.revoked[0].userID != userID {
		t.Errorf("revoked %+v", h.sessions.revoked)
	}
}

func TestSignInWithOTP_secondFactor_isAskedFor(t *testing.T) {
	h := newOTPHarness(t)
	userID := h.signUpByMail("ada@example.com")
	h.patch(userID, app.UserPatch{TOTPSecret: patch.Value([]byte("key"))})
	code := h.otpCode("ada@example.com")
	_, err := h.SignInWithOTP(h.client(), code)
	if !apierr.HasCode(err, apierr.CodeMultiFactorAuthenticationRequired) || len(h.sessions.opened) != 0 {
		t.Errorf("error %v, opened %+v", err, h.sessions.opened)
	}
	wantError(t, h.CheckOTPSignInCode(h.client(), code), apierr.VerificationCodeAlreadyUsed())
}
