package app_test

import (
	"context"
	"errors"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/identity/internal/app"
)

// rule is an enabled sign-up rule.
func rule(id, condition, action string) projectconfig.SignUpRule {
	return projectconfig.SignUpRule{
		ID: id, Enabled: true, DisplayName: "Rule " + id, Condition: condition, Action: projectconfig.SignUpAction{Type: action, Message: "hidden"},
	}
}

// from is the context of a request out of a country.
func from(ctx context.Context, country string) context.Context {
	return principal.NewRequestContext(ctx, principal.Request{Country: country})
}

func TestSignUpRules_actions_decideInOrder(t *testing.T) {
	disabled := rule("off", "true", "reject")
	disabled.Enabled = false
	const restricted = "Restricted by sign-up rule "
	for name, tt := range map[string]struct {
		rules   []projectconfig.SignUpRule
		rejects bool
		// want is what administrators are told; "rejected" for nobody.
		want string
		// events are the ids and actions of the rules that triggered.
		events string
	}{
		"no rules":                  {},
		"default rejects":           {rejects: true, want: "rejected"},
		"reject":                    {rules: []projectconfig.SignUpRule{rule("a", `emailDomain == "example.com"`, "reject")}, want: "rejected", events: "a:reject"},
		"allow beats the default":   {rules: []projectconfig.SignUpRule{rule("a", `authMethod == "password"`, "allow")}, rejects: true, events: "a:allow"},
		"the first decides":         {rules: []projectconfig.SignUpRule{rule("a", "true", "allow"), rule("b", "true", "reject")}, events: "a:allow"},
		"no match":                  {rules: []projectconfig.SignUpRule{rule("a", "false", "reject")}},
		"disabled and empty":        {rules: []projectconfig.SignUpRule{disabled, rule("a", " ", "reject"), rule("b", "", "reject")}},
		"broken is no match":        {rules: []projectconfig.SignUpRule{rule("a", "(", "reject"), rule("b", `email.matches("(")`, "reject"), rule("c", "email", "reject")}},
		"log goes on":               {rules: []projectconfig.SignUpRule{rule("a", "true", "log"), rule("b", "true", "reject")}, want: "rejected", events: "a:log b:reject"},
		"restrict":                  {rules: []projectconfig.SignUpRule{rule("a", "true", "restrict")}, want: restricted + "a (Rule a)", events: "a:restrict"},
		"the first restriction":     {rules: []projectconfig.SignUpRule{rule("a", "true", "restrict"), rule("b", "true", "restrict"), rule("c", "true", "allow")}, want: restricted + "a (Rule a)", events: "a:restrict b:restrict c:allow"},
		"restrict and reject":       {rules: []projectconfig.SignUpRule{rule("a", "true", "restrict"), rule("b", "true", "reject")}, want: "rejected", events: "a:restrict b:reject"},
		"restrict, default rejects": {rules: []projectconfig.SignUpRule{rule("a", "true", "restrict")}, rejects: true, want: "rejected", events: "a:restrict"},
		"country":                   {rules: []projectconfig.SignUpRule{rule("a", `countryCode == "CH"`, "restrict")}, want: restricted + "a (Rule a)", events: "a:restrict"},
		"risk scores":               {rules: []projectconfig.SignUpRule{rule("a", `riskScores.bot > 0 || riskScores.free_trial_abuse > 0`, "reject")}},
		"no provider":               {rules: []projectconfig.SignUpRule{rule("a", `oauthProvider == "" && email == "ada@example.com"`, "restrict")}, want: restricted + "a (Rule a)", events: "a:restrict"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.config.Auth.SignUpRules = tt.rules
			if tt.rejects {
				h.config.Auth.SignUpRulesDefaultAction = "reject"
			}
			signedIn, err := h.SignUpWithPassword(from(h.client(), "CH"), app.PasswordSignUp{Email: "Ada@example.com", Password: password})
			var events string
			for _, envelope := range h.events() {
				if triggered := envelope.GetSignUpRuleTriggered(); triggered != nil {
					if events != "" {
						events += " "
					}
					events += triggered.GetRuleId() + ":" + triggered.GetAction()
					if triggered.GetAuthMethod() != "password" || triggered.GetCountryCode() != "CH" || triggered.GetEmailDomain() != "example.com" {
						t.Errorf("event %v", triggered)
					}
				}
			}
			if events != tt.events {
				t.Errorf("events %q, want %q", events, tt.events)
			}
			if tt.want == "rejected" {
				wantError(t, err, apierr.SignUpRejected())
				if known, _ := errors.AsType[*apierr.Error](err); known != nil && known.Details["message"] != known.Message {
					t.Errorf("details %v", known.Details)
				}
				if n := h.count(`SELECT count(*) FROM users`); n != 0 || h.hasher.hashed != 0 {
					t.Errorf("%d users, %d hashes", n, h.hasher.hashed)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			user := h.me(signedIn.UserID)
			details := ""
			if user.RestrictedByAdminPrivateDetails != nil {
				details = *user.RestrictedByAdminPrivateDetails
			}
			if details != tt.want || user.RestrictedByAdmin != (tt.want != "") || user.RestrictedByAdminReason != nil || *user.CountryCode != "CH" {
				t.Errorf("restricted %v because %q", user.RestrictedByAdmin, details)
			}
			if opened := h.sessions.opened[0]; opened.RestrictedReason != user.RestrictedReason {
				t.Errorf("the token says %q", opened.RestrictedReason)
			}
		})
	}
}

// Each flow that makes somebody a normal user asks the rules, and no other does.
func TestSignUpRules_flows_areAskedWhereUsersComeFrom(t *testing.T) {
	reject := func(h *harness) {
		h.config.Auth.SignUpRules = []projectconfig.SignUpRule{rule("a", "true", "reject")}
	}
	rejected := map[string]func(h *harness) error{
		"password": func(h *harness) error {
			reject(h)
			_, err := h.SignUpWithPassword(h.client(), app.PasswordSignUp{Email: "new@example.com", Password: password})
			return err
		},
		"password, upgrade": func(h *harness) error {
			userID := h.signUpAnonymously()
			reject(h)
			_, err := h.SignUpWithPassword(h.as(principal.AccessClient, userID, anonymous), app.PasswordSignUp{Email: "new@example.com", Password: password})
			return err
		},
		"otp": func(h *harness) error {
			code := h.otpCode("new@example.com")
			reject(h)
			_, err := h.SignInWithOTP(h.client(), code)
			wantError(h.t, second(h.SignInWithOTP(h.client(), code)), apierr.VerificationCodeAlreadyUsed())
			return err
		},
		"otp, upgrade": func(h *harness) error {
			userID := h.signUpAnonymously()
			code := h.otpCode("new@example.com")
			reject(h)
			_, err := h.SignInWithOTP(h.as(principal.AccessClient, userID, anonymous), code)
			return err
		},
	}
	for name, flow := range rejected {
		t.Run(name, func(t *testing.T) {
			h := newOTPHarness(t)
			wantError(t, flow(h), apierr.SignUpRejected())
			if n := h.count(`SELECT count(*) FROM users WHERE NOT is_anonymous`); n != 0 {
				t.Errorf("%d users", n)
			}
		})
	}
	let := map[string]func(h *harness) error{
		"anonymous": func(h *harness) error { return second(h.SignUpAnonymously(h.client())) },
		"server":    func(h *harness) error { return second(h.CreateUser(h.server(), app.UserCreation{})) },
		"password sign-in": func(h *harness) error {
			return second(h.SignInWithPassword(h.client(), "ada@example.com", password))
		},
		"otp of a user": func(h *harness) error {
			h.exec(`UPDATE contact_channels SET is_verified = true`)
			return second(h.SignInWithOTP(h.client(), h.otpCode("ada@example.com")))
		},
	}
	for name, flow := range let {
		t.Run(name, func(t *testing.T) {
			h := newOTPHarness(t)
			h.signUp("ada@example.com")
			reject(h)
			if err := flow(h); err != nil {
				t.Error(err)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// The country is that of the request that asked for the mail.
func TestSignUpRules_otp_knowsWhereTheMailWasAskedFor(t *testing.T) {
	h := newOTPHarness(t)
	h.config.Auth.SignUpRules = []projectconfig.SignUpRule{rule("a", `countryCode == "CH" && authMethod == "otp"`, "restrict")}
	if _, err := h.SendOTPSignInCode(from(h.client(), "CH"), app.OTPSignInCode{Email: "ada@example.com", CallbackURL: callback}); err != nil {
		t.Fatal(err)
	}
	signedIn, err := h.SignInWithOTP(from(h.client(), "FR"), codeInLink(t, h.mail(), "magicLink"))
	if err != nil {
		t.Fatal(err)
	}
	if user := h.me(signedIn.UserID); !user.RestrictedByAdmin || *user.CountryCode != "CH" {
		t.Errorf("user %+v", user.User)
	}
}

func TestSignUpRules_upgradeOfARestrictedUser_keepsWhatWasSaid(t *testing.T) {
	h := newHarness(t)
	userID := h.signUpAnonymously()
	h.exec(`UPDATE users SET restricted_by_admin = true, restricted_by_admin_reason = 'seen', restricted_by_admin_private_details = 'before'`)
	h.config.Auth.SignUpRules = []projectconfig.SignUpRule{rule("a", "true", "restrict")}
	if _, err := h.SignUpWithPassword(h.as(principal.AccessClient, userID, anonymous), app.PasswordSignUp{Email: "ada@example.com", Password: password}); err != nil {
		t.Fatal(err)
	}
	user := h.me(userID)
	if *user.RestrictedByAdminPrivateDetails != "before\n\nRestricted by sign-up rule a (Rule a)" || *user.RestrictedByAdminReason != "seen" {
		t.Errorf("details %q, reason %q", *user.RestrictedByAdminPrivateDetails, *user.RestrictedByAdminReason)
	}
}
