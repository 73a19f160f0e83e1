package e2e

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"vestibule.dev/test/client"
)

// R42. Wrong passwords make their source wait, not the owner of the account.
func TestGuesses_wrongPasswords_waitWhereTheyComeFrom(t *testing.T) {
	email, _, _ := signUp(t, dev)
	from := func(address string) *client.Client { return visitor(dev).WithHeader("CF-Connecting-IP", address) }
	try := func(address, password string) client.Response {
		return call(t, from(address), http.MethodPost, "/auth/password/sign-in", map[string]any{"email": email, "password": password})
	}
	// Ten at once, and one more every minute: who is slow may guess more often.
	begin := time.Now()
	most := func() int { return 10 + int(time.Since(begin)/time.Minute) }
	asked, looked, answer := begin, 0, try("192.0.2.1", "not the password")
	for answer.Code() == "EMAIL_PASSWORD_MISMATCH" && looked <= most() {
		looked++
		asked, answer = time.Now(), try("192.0.2.1", "not the password")
	}
	wait, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if answer.Status != http.StatusTooManyRequests || err != nil || looked < 10 || looked > most() {
		t.Fatalf("after %d guesses: %s, Retry-After %q", looked, answer, answer.Header.Get("Retry-After"))
	}
	// Nor is the right one looked at before its time.
	right := try("192.0.2.1", password)
	if (right.Status != http.StatusTooManyRequests || right.Header.Get("Retry-After") == "") && time.Since(asked) < time.Duration(wait-1)*time.Second {
		t.Errorf("one too many: %s", right)
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
