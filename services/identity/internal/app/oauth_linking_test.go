package app_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/oidctest"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
)

func TestOAuth_mergeStrategies_followTheTable(t *testing.T) {
	taken := "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE"
	for name, tt := range map[string]struct {
		strategy                string
		ours, theirs            bool
		merged, duplicate, flag bool
	}{
		"link, both verified":            {strategy: "link_method", ours: true, theirs: true, merged: true},
		"link, ours unverified":          {strategy: "link_method", theirs: true, flag: true},
		"link, theirs unverified":        {strategy: "link_method", ours: true},
		"link, none verified":            {strategy: "link_method"},
		"raise, both verified":           {strategy: "raise_error", ours: true, theirs: true},
		"raise, ours unverified":         {strategy: "raise_error", theirs: true},
		"raise, theirs unverified":       {strategy: "raise_error", ours: true},
		"duplicates, both verified":      {strategy: "allow_duplicates", ours: true, theirs: true, duplicate: true},
		"duplicates, theirs unverified":  {strategy: "allow_duplicates", ours: true, duplicate: true},
		"duplicates, ours unverified":    {strategy: "allow_duplicates", theirs: true, duplicate: true},
		"an unknown strategy is refused": {strategy: "", ours: true, theirs: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newOAuthHarness(t)
			h.config.Auth.OAuth.AccountMergeStrategy = tt.strategy
			userID := h.signUp("ada@example.com")
			h.exec(`UPDATE contact_channels SET is_verified = $1`, tt.ours)
			person := ada
			person.EmailVerified = tt.theirs
			h.provider.LetIn(person)
			h.config.Auth.AllowSignUp = !tt.merged // merging needs no sign-up
			switch {
			case tt.merged:
				if code := h.signInWith(); code.UserID != userID || code.IsNewUser {
					t.Errorf("code %+v", code)
				}
				if user := h.me(userID); len(user.OAuthAccounts) != 1 || !user.HasPassword {
					t.Errorf("user %+v", user)
				}
				if code := h.signInWith(); code.UserID != userID {
					t.Errorf("again %+v", code)
				}
			case tt.duplicate:
				code := h.signInWith()
				if code.UserID == userID || !code.IsNewUser {
					t.Errorf("code %+v", code)
				}
				if email := h.me(code.UserID).PrimaryEmail; email.UsedForAuth || email.Value != "ada@example.com" {
					t.Errorf("e-mail %+v", email)
				}
			default:
				told := h.failWith()
				flag := `"would_work_if_email_was_verified":false`
				if tt.flag {
					flag = `"would_work_if_email_was_verified":true`
				}
				if told.Get("errorCode") != taken || !strings.Contains(told.Get("details"), flag) || !strings.Contains(told.Get("details"), `"ada@example.com"`) {
					t.Errorf("told %v", told)
				}
				if n := h.count(`SELECT count(*) FROM oauth_accounts`); n != 0 {
					t.Error("the account was linked")
				}
			}
		})
	}
}

func TestOAuth_link_addsTheAccount(t *testing.T) {
	h := newOAuthHarness(t)
	userID := h.signUp("grace@example.com")
	code := h.signInWith(linking(h.token(userID, false)))
	if code.UserID != userID || code.IsNewUser {
		t.Errorf("code %+v", code)
	}
	if code := h.signInWith(linking(h.token(userID, false))); code.UserID != userID {
		t.Errorf("again %+v", code)
	}
	if user := h.me(userID); len(user.OAuthAccounts) != 1 || user.PrimaryEmail.Value != "grace@example.com" {
		t.Errorf("user %+v", user)
	}
	if code := h.signInWith(); code.UserID != userID {
		t.Error("the linked account does not sign in")
	}
	// Another account of the provider is connected, and does not sign in.
	h.provider.LetIn(oidctest.Person{Subject: "second", Email: "second@example.com", EmailVerified: true})
	h.signInWith(linking(h.token(userID, false)))
	connections, err := h.ListOAuthProviders(h.as(principal.AccessServer, ""), userID)
	if err != nil || len(connections) != 2 || !connections[0].AllowSignIn || connections[1].AllowSignIn || !connections[1].AllowConnectedAccounts {
		t.Errorf("connections %+v, %v", connections, err)
	}

	h.provider.LetIn(ada)
	other := h.signUp("eve@example.com")
	if told := h.failWith(linking(h.token(other, false))); told.Get("errorCode") != "OAUTH_CONNECTION_ALREADY_CONNECTED_TO_ANOTHER_USER" {
		t.Errorf("told %v", told)
	}
	if told := h.failWith(linking(h.token(ids.NewUUID(), false))); told.Get("errorCode") != "USER_NOT_FOUND" {
		t.Errorf("user gone: %v", told)
	}
	anonymous := h.signUpAnonymously()
	h.provider.LetIn(oidctest.Person{Subject: "third"})
	if code := h.signInWith(linking(h.token(anonymous, true))); code.UserID != anonymous || !h.me(anonymous).IsAnonymous {
		t.Error("linking upgraded an anonymous user")
	}
}

// R14. Without the index oauth_accounts_sign_in_key four users sign in with one
// account.
func TestOAuth_linkInParallel_oneUserGetsTheAccount(t *testing.T) {
	h := newOAuthHarness(t)
	var calls []func()
	won := map[string]int{}
	var mu sync.Mutex
	for _, name := range []string{"a", "b", "c", "d"} {
		token := h.token(h.signUp(name+"@example.com"), false)
		for range 3 {
			code, text := h.arriveWith(linking(token))
			calls = append(calls, func() {
				switch err := h.exchange(code, text); {
				case err == nil:
					mu.Lock()
					defer mu.Unlock()
					won[code.UserID]++
				case !errors.Is(err, apierr.OAuthConnectionAlreadyConnectedToAnotherUser()):
					t.Error(err)
				}
			})
		}
	}
	// One of each user wants to insert the account, the others wait for those.
	pgtest.Gather(t, h.url, "LOCK TABLE oauth_accounts IN SHARE ROW EXCLUSIVE MODE", len(calls), calls...)
	if n := h.count(`SELECT count(*) FROM oauth_accounts`); n != 1 || len(won) != 1 {
		t.Errorf("%d accounts, linked by %v", n, won)
	}
}

// A page of somebody else can send its visitors to a provider with the access
// token of its own user. Whoever consents there gives nothing away: that page
// never exchanges the code, and the visitor's browser does not know how.
func TestOAuth_tokenOfSomebodyElse_getsNothing(t *testing.T) {
	h := newOAuthHarness(t)
	attacker, anonymous := h.signUp("eve@example.com"), h.signUpAnonymously()
	for _, sent := range []func(*app.OAuthAuthorization){
		linking(h.token(attacker, false)),
		linking(h.token(anonymous, true)),
		func(in *app.OAuthAuthorization) { in.AccessToken = h.token(anonymous, true) },
		func(in *app.OAuthAuthorization) { in.AccessToken, in.BindsBrowser = h.token(anonymous, true), false },
	} {
		h.arriveWith(sent)
	}
	if n := h.count(`SELECT count(*) FROM oauth_accounts`) + h.count(`SELECT count(*) FROM oauth_tokens`); n != 0 {
		t.Errorf("%d accounts and tokens are linked", n)
	}
	if user := h.me(anonymous); !user.IsAnonymous || user.PrimaryEmail != nil {
		t.Errorf("user %+v", user)
	}
	if code := h.signInWith(); code.UserID == attacker || code.UserID == anonymous || !code.IsNewUser {
		t.Errorf("the visitor signs in as %+v", code)
	}
}

// What was left until the exchange happens once, for the user and in the project
// that the code is of.
func TestGetSignInSubject_deferred_isDoneOnce(t *testing.T) {
	for name, upgrade := range map[string]bool{"link": false, "upgrade": true} {
		t.Run(name, func(t *testing.T) {
			h := newOAuthHarness(t)
			userID := h.signUpAnonymously()
			sent := linking(h.token(userID, true))
			if upgrade {
				sent = func(in *app.OAuthAuthorization) { in.AccessToken = h.token(userID, true) }
			}
			code, text := h.arriveWith(sent)
			foreign := h.tenant
			foreign.BranchID = "other"
			for _, wrong := range []func() error{
				func() error { return h.exchange(app.AuthorizationCode{UserID: h.signUp("eve@example.com")}, text) },
				func() error {
					_, err := h.GetSignInSubject(t.Context(), foreign, userID, text)
					return err
				},
			} {
				wantError(t, wrong(), apierr.InvalidAuthorizationCode())
			}
			if accounts := h.me(userID).OAuthAccounts; len(accounts) != 0 {
				t.Errorf("accounts %+v", accounts)
			}
			// As a state of a sign-in it means nothing.
			_, err := h.CompleteOAuth(t.Context(), app.OAuthReturn{ProviderID: "google", State: "code/" + text, Code: "x"})
			wantText(t, err, http.StatusBadRequest)

			h.events()
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if err := h.exchange(code, text); err != nil && !apierr.HasCode(err, apierr.CodeInvalidAuthorizationCode) {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if err := h.exchange(code, text); err != nil {
				t.Error(err)
			}
			user := h.me(userID)
			if len(user.OAuthAccounts) != 1 || user.IsAnonymous == upgrade {
				t.Errorf("user %+v", user)
			}
			want := ""
			if upgrade {
				want = "user.updated"
			}
			if got := facts(h.events()); got != want {
				t.Errorf("events %q", got)
			}
			if n := h.count(`SELECT count(*) FROM oauth_authorizations`); n != 0 {
				t.Errorf("%d are left", n)
			}
		})
	}
}

// T6. Five ways to be in an account before its owner is (Sudhodanan and
// Paverd, "Pre-hijacked accounts", 2022).
func TestPreHijack_ownerComesLater_isAlone(t *testing.T) {
	t.Run("classic-federated merge", func(t *testing.T) {
		// The attacker signs up by password with the victim's address.
		h := newOAuthHarness(t)
		h.signUp("ada@example.com")
		if told := h.failWith(); told.Get("errorCode") != "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE" {
			t.Errorf("the victim joined the attacker's user: %v", told)
		}
	})
	t.Run("unexpired session", func(t *testing.T) {
		// The attacker's sessions do not survive the victim's reset.
		h := newOAuthHarness(t)
		userID := h.signUp("ada@example.com")
		if err := h.ResetPassword(h.client(), h.resetCode("ada@example.com"), "the victim's password"); err != nil {
			t.Fatal(err)
		}
		if len(h.sessions.revoked) != 1 || h.sessions.revoked[0].userID != userID || h.sessions.revoked[0].kept != "" {
			t.Errorf("revoked %+v", h.sessions.revoked)
		}
	})
	t.Run("trojan account", func(t *testing.T) {
		// The attacker's user has their own account linked. The victim's own
		// account never leads there.
		h := newOAuthHarness(t)
		userID := h.signUp("ada@example.com")
		h.provider.LetIn(oidctest.Person{Subject: "attacker", Email: "attacker@example.com", EmailVerified: true})
		h.signInWith(linking(h.token(userID, false)))
		h.provider.LetIn(ada)
		if told := h.failWith(); told.Get("errorCode") != "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE" {
			t.Errorf("told %v", told)
		}
	})
	t.Run("unexpired change of address", func(t *testing.T) {
		// A code for the victim's address verifies it for the user who asked,
		// and nobody else.
		h := newOAuthHarness(t)
		attacker := h.signUp("attacker@example.com")
		code := h.signInWith()
		h.patch(attacker, app.UserPatch{})
		if code.UserID == attacker {
			t.Error("the victim signs in as the attacker")
		}
	})
	t.Run("provider that does not verify", func(t *testing.T) {
		// The attacker writes the victim's address down at a provider that
		// believes it.
		h := newOAuthHarness(t)
		h.config.Auth.OTP.AllowSignIn = true
		victim := h.signUpByMail("ada@example.com")
		person := ada
		person.Subject, person.EmailVerified = "attacker", false
		h.provider.LetIn(person)
		if told := h.failWith(); told.Get("errorCode") != "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE" {
			t.Errorf("told %v", told)
		}
		if accounts := h.me(victim).OAuthAccounts; len(accounts) != 0 {
			t.Errorf("accounts %+v", accounts)
		}
		// And the other way round: the attacker came first.
		h = newOAuthHarness(t)
		h.config.Auth.OTP.AllowSignIn = true
		h.provider.LetIn(person)
		h.signInWith()
		_, err := h.SendOTPSignInCode(h.client(), app.OTPSignInCode{Email: "ada@example.com", CallbackURL: callback})
		wantError(t, err, apierr.UserEmailAlreadyExists("", true))
	})
}
