package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
)

// fakeBots knows one token and notes what it was asked.
type fakeBots struct {
	err   error
	asked []string
}

func (f *fakeBots) Passed(_ context.Context, token, clientIP string, action app.BotAction) (bool, error) {
	f.asked = append(f.asked, token+" "+clientIP+" "+string(action))
	return token == "good", f.err
}

func TestBotChallenge_signUp_followsThePhase(t *testing.T) {
	required, failed := apierr.BotChallengeRequired(), apierr.BotChallengeFailed("")
	for name, tt := range map[string]struct {
		given  app.BotChallenge
		policy app.BotPolicy
		err    error
		want   *apierr.Error
	}{
		"good token":              {given: app.BotChallenge{Token: "good"}},
		"bad token":               {given: app.BotChallenge{Token: "bad"}},
		"nothing":                 {},
		"invisible, good":         {given: app.BotChallenge{Token: "good", Phase: app.BotChallengeInvisible}},
		"invisible, bad":          {given: app.BotChallenge{Token: "bad", Phase: app.BotChallengeInvisible}, want: required},
		"invisible, no token":     {given: app.BotChallenge{Phase: app.BotChallengeInvisible}, want: required},
		"invisible, no answer":    {given: app.BotChallenge{Token: "bad", Phase: app.BotChallengeInvisible}, err: errors.New("down"), want: required},
		"visible, good":           {given: app.BotChallenge{Token: "good", Phase: app.BotChallengeVisible}},
		"visible, bad":            {given: app.BotChallenge{Token: "bad", Phase: app.BotChallengeVisible}, want: failed},
		"visible, no answer":      {given: app.BotChallenge{Token: "bad", Phase: app.BotChallengeVisible}, err: errors.New("down"), want: failed},
		"visible, bad, allowed":   {given: app.BotChallenge{Token: "bad", Phase: app.BotChallengeVisible}, policy: app.BotPolicy{AllowFailed: true}},
		"invisible, bad, allowed": {given: app.BotChallenge{Token: "bad", Phase: app.BotChallengeInvisible}, policy: app.BotPolicy{AllowFailed: true}, want: required},
		"unavailable":             {given: app.BotChallenge{Unavailable: true}, want: failed},
		"unavailable, allowed":    {given: app.BotChallenge{Unavailable: true}, policy: app.BotPolicy{AllowUnavailable: true}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			bots := &fakeBots{err: tt.err}
			bounded := app.New(h.deps(func(deps *app.Deps) { deps.Bots, deps.BotPolicy = bots, tt.policy }))
			_, err := bounded.SignUpWithPassword(at(h.client(), "192.0.2.1"), app.PasswordSignUp{Email: "ada@example.com", Password: password, Challenge: tt.given})
			if tt.want == nil {
				if err != nil {
					t.Fatal(err)
				}
			} else {
				wantError(t, err, tt.want)
				if n := h.count(`SELECT count(*) FROM users`); n != 0 {
					t.Errorf("%d users", n)
				}
			}
			if tt.given.Token != "" && (len(bots.asked) != 1 || bots.asked[0] != tt.given.Token+" 192.0.2.1 sign_up_with_credential") {
				t.Errorf("asked %v", bots.asked)
			}
		})
	}
}

// What the sign-in was begun with decides when the browser comes back.
func TestBotChallenge_oauth_unavailableSignsInButCreatesNobody(t *testing.T) {
	h := newOAuthHarness(t)
	bots := &fakeBots{}
	h.bots = bots
	h.useOAuth(16)
	challenged := func(given app.BotChallenge) func(*app.OAuthAuthorization) {
		return func(in *app.OAuthAuthorization) { in.Challenge = given }
	}
	if told := h.failWith(challenged(app.BotChallenge{Unavailable: true})); told.Get("errorCode") != apierr.CodeBotChallengeFailed {
		t.Errorf("somebody new: %v", told)
	}
	h.signInWith(challenged(app.BotChallenge{Token: "good", Phase: app.BotChallengeVisible}))
	h.signInWith(challenged(app.BotChallenge{Unavailable: true}))
	_, err := h.AuthorizeOAuth(t.Context(), h.authorization(challenged(app.BotChallenge{Phase: app.BotChallengeInvisible})))
	wantError(t, err, apierr.BotChallengeRequired())
	if len(bots.asked) != 1 || !strings.HasSuffix(bots.asked[0], " oauth_authenticate") {
		t.Errorf("asked %v", bots.asked)
	}
}

// What the mail was asked for with decides, not what comes with its code.
func TestBotChallenge_otp_unavailableSignsInButCreatesNobody(t *testing.T) {
	h := newOTPHarness(t)
	userID := h.signUpByMail("ada@example.com")
	bounded := app.New(h.deps(func(deps *app.Deps) { deps.Bots = &fakeBots{} }))
	send := func(email string, given app.BotChallenge) string {
		t.Helper()
		if _, err := bounded.SendOTPSignInCode(h.client(), app.OTPSignInCode{Email: email, CallbackURL: callback, Challenge: given}); err != nil {
			t.Fatal(err)
		}
		return codeInLink(t, h.mail(), "magicLink")
	}
	signedIn, err := bounded.SignInWithOTP(h.client(), send("ada@example.com", app.BotChallenge{Unavailable: true}))
	if err != nil || signedIn.UserID != userID {
		t.Errorf("a user: %+v, %v", signedIn, err)
	}
	_, err = bounded.SignInWithOTP(h.client(), send("eve@example.com", app.BotChallenge{Unavailable: true}))
	wantError(t, err, apierr.BotChallengeFailed(""))
	guest := h.signUpAnonymously()
	_, err = bounded.SignInWithOTP(h.as(principal.AccessClient, guest, anonymous), send("eve@example.com", app.BotChallenge{Unavailable: true}))
	wantError(t, err, apierr.BotChallengeFailed(""))
	if _, err := bounded.SignInWithOTP(h.client(), send("eve@example.com", app.BotChallenge{Token: "good", Phase: app.BotChallengeVisible})); err != nil {
		t.Error(err)
	}
	_, err = bounded.SendOTPSignInCode(h.client(), app.OTPSignInCode{Email: "bob@example.com", CallbackURL: "https://evil.example.net", Challenge: app.BotChallenge{Phase: app.BotChallengeInvisible}})
	wantError(t, err, apierr.BotChallengeRequired())
}
