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
