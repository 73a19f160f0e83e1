package app_test

import (
	"context"
	"testing"

	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
)

// R54. Whoever asks too often is answered as before and nothing is sent.
func TestMails_flood_fiveLeaveAndTheAnswerStays(t *testing.T) {
	for name, ask := range map[string]func(h *harness, ctx context.Context) error{
		"otp": func(h *harness, ctx context.Context) error {
			nonce, err := h.SendOTPSignInCode(ctx, app.OTPSignInCode{Email: "ADA@example.com", CallbackURL: callback})
			if len(nonce) != 39 {
				h.t.Errorf("nonce %q", nonce)
			}
			return err
		},
		"reset": func(h *harness, ctx context.Context) error {
			return h.SendPasswordResetCode(ctx, app.PasswordResetCode{Email: "ada@example.com", CallbackURL: callback})
		},
		"verification": func(h *harness, _ context.Context) error {
			channels, err := h.ListContactChannels(h.server(), app.ContactChannelFilter{})
			if err != nil {
				return err
			}
			return h.SendContactChannelVerificationCode(h.server(), app.ContactChannelVerification{
				UserID: channels[0].UserID, ChannelID: channels[0].ID, CallbackURL: callback,
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newOTPHarness(t)
			h.signUp("ada@example.com")
			h.exec(`UPDATE contact_channels SET is_verified = $1`, name == "otp")
			h.race(16, func(int) error { return ask(h, h.client()) }, "")
			if n := h.count(`SELECT count(*) FROM courier_mails`); n != 5 {
				t.Errorf("%d mails, want 5", n)
			}
			if n := h.count(`SELECT count(*) FROM one_time_codes`); n != 5 {
				t.Errorf("%d codes, want 5", n)
			}
			h.exec(`UPDATE throttles SET full_at = full_at - interval '1 hour'`)
			if err := ask(h, h.client()); err != nil {
				t.Fatal(err)
			}
			if n := h.count(`SELECT count(*) FROM courier_mails`); n != 6 {
				t.Errorf("an hour later %d mails, want 6", n)
			}
		})
	}
}

// Signing up over and over with an address that can be given away again.
func TestMails_signUps_areAllowedWithoutMail(t *testing.T) {
	h := newHarness(t)
	for range 7 {
		signedIn, err := h.SignUpWithPassword(h.client(), app.PasswordSignUp{Email: "ada@example.com", Password: password, VerificationCallbackURL: callback})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.DeleteContactChannel(h.as(principal.AccessClient, signedIn.UserID), signedIn.UserID, h.channel(signedIn.UserID, "ada@example.com")); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.count(`SELECT count(*) FROM courier_mails`); n != 5 {
		t.Errorf("%d mails, want 5", n)
	}
}

func TestMails_quotaOfTheProject_coversAllAddresses(t *testing.T) {
	h := newOTPHarness(t)
	limits := app.DefaultLimits()
	limits.MailsOfProject = app.PerHour(3)
	bounded := app.New(h.deps(func(deps *app.Deps) { deps.Limits = limits }))
	for _, email := range []string{"a@example.com", "b@example.com", "c@example.com", "d@example.com"} {
		if _, err := bounded.SendOTPSignInCode(h.client(), app.OTPSignInCode{Email: email, CallbackURL: callback}); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.count(`SELECT count(*) FROM courier_mails`); n != 3 {
		t.Errorf("%d mails, want 3", n)
	}
	h.exec(`INSERT INTO projects (id, display_name) VALUES ('other', 'Other')`)
	other := h.as(principal.AccessClient, "", func(p *principal.Principal) { p.ProjectID = "other" })
	if _, err := bounded.SendOTPSignInCode(other, app.OTPSignInCode{Email: "a@example.com", CallbackURL: callback}); err != nil {
		t.Fatal(err)
	}
	if n := h.count(`SELECT count(*) FROM courier_mails`); n != 4 {
		t.Errorf("another project: %d mails, want 4", n)
	}
}
