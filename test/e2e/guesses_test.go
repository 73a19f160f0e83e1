package e2e

import (
	"net/http"
	"testing"

	"vestibule.dev/test/client"
)

// R42. Wrong passwords make their source wait, not the owner of the account.
func TestGuesses_wrongPasswords_waitWhereTheyComeFrom(t *testing.T) {
	email, _, _ := signUp(t, dev)
	from := func(address string) *client.Client { return visitor(dev).WithHeader("CF-Connecting-IP", address) }
	try := func(address, password string) client.Response {
		return call(t, from(address), http.MethodPost, "/auth/password/sign-in", map[string]any{"email": email, "password": password})
	}
	for i := range 10 {
		if answer := try("192.0.2.1", "not the password"); answer.Code() != "EMAIL_PASSWORD_MISMATCH" {
			t.Fatalf("guess %d: %s", i, answer)
		}
	}
	for _, guess := range []string{"not the password", password} {
		if answer := try("192.0.2.1", guess); answer.Status != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" {
			t.Errorf("one too many: %s", answer)
		}
	}
	if answer := try("192.0.2.2", password); answer.Status != http.StatusOK {
		t.Errorf("from elsewhere: %s", answer)
	}
}

// R54. Whoever asks for too many mails is answered as before.
func TestMails_tooMany_answerStays(t *testing.T) {
	email := client.FreshEmail("flooded")
	for i := range 7 {
		answer := succeed(t, visitor(dev), http.MethodPost, "/auth/otp/send-sign-in-code", map[string]any{
			"email": email, "callback_url": callbackURL,
		})
		if nonce, _ := answer["nonce"].(string); len(nonce) != 39 {
			t.Errorf("answer %d: %v", i, answer)
		}
	}
}

// T16. What looks at links in mails before their reader does asks with GET: that
// spends nothing, also when it knows where codes are spent.
func TestCodes_linkScanner_spendsNothing(t *testing.T) {
	email, _, _ := signUp(t, dev)
	succeed(t, visitor(dev), http.MethodPost, "/auth/password/send-reset-code", map[string]any{"email": email, "callback_url": callbackURL})
	newcomer := client.FreshEmail("scanned")
	succeed(t, visitor(dev), http.MethodPost, "/auth/otp/send-sign-in-code", map[string]any{"email": newcomer, "callback_url": callbackURL})
	box := client.Mailbox{URL: system.MailboxURL}
	for _, tt := range []struct {
		address, subject, path string
		more                   map[string]any
	}{
		{email, "Reset your password", "/auth/password/reset", map[string]any{"password": "another good password"}},
		{newcomer, "Sign in", "/auth/otp/sign-in", nil},
	} {
		mail, err := box.Await(t.Context(), tt.address, tt.subject)
		if err != nil {
			t.Fatal(err)
		}
		code, err := mail.Code()
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if answer := call(t, visitor(dev), http.MethodGet, tt.path+"?code="+code, nil); answer.Status != http.StatusMethodNotAllowed {
				t.Errorf("%s", answer)
			}
		}
		body := map[string]any{"code": code}
		for name, value := range tt.more {
			body[name] = value
		}
		succeed(t, visitor(dev), http.MethodPost, tt.path, body)
	}
}
