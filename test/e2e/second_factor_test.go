package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"vestibule.dev/test/client"
	"vestibule.dev/test/routes"
)

// sessionless are routes that answer with tokens and need not ask for a second
// factor, and why.
var sessionless = map[string]string{
	"POST /auth/anonymous/sign-up":            "the user came into being this moment",
	"POST /auth/sessions":                     "the project's backend vouches for the user",
	"POST /auth/sessions/current/refresh":     "the session passed before",
	"POST /auth/oauth/token":                  "refreshes a session that passed before; codes are played where they are made",
	"POST /auth/oauth/cross-domain/authorize": "hands over a session that passed before",
	"POST /auth/cli/poll":                     "hands over the session of a browser that passed before",
	"POST /auth/cli/complete":                 "hands back a session of an anonymous user",

	// Need an authenticator or a provider; played with the use cases.
	"POST /auth/passkey/sign-in":             "see TestPathsToASession in services/identity/internal/app",
	"POST /auth/oauth/callback/apple/native": "see TestPathsToASession in services/identity/internal/app",
	// Tokens of somebody else.
	"POST /connected-accounts/{user_id}/{provider_id}/access-token":                       "the token is the provider's",
	"POST /connected-accounts/{user_id}/{provider_id}/{provider_account_id}/access-token": "the token is the provider's",
	"POST /auth/oauth/connected-accounts/{provider_id}/access-token":                      "the token is the provider's",
}

// T23. Every route that answers with tokens asks a user for the second factor
// they have. A new one fails here until it is played or excused.
func TestTokens_userWithSecondFactor_isAskedForItEverywhere(t *testing.T) {
	enrol := func(t *testing.T, me *client.Client) {
		succeed(t, me, http.MethodPatch, "/users/me", map[string]any{"totp_secret_base64": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="})
	}
	paths := map[string]func(t *testing.T) client.Response{
		"POST /auth/password/sign-in": func(t *testing.T) client.Response {
			email, _, me := signUp(t, dev)
			enrol(t, me)
			return call(t, visitor(dev), http.MethodPost, "/auth/password/sign-in", map[string]any{"email": email, "password": password})
		},
		"POST /auth/password/sign-up": func(t *testing.T) client.Response {
			tokens, err := visitor(dev).SignUpAnonymously(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			guest := visitor(dev).SignedIn(tokens)
			enrol(t, guest)
			return call(t, guest, http.MethodPost, "/auth/password/sign-up", map[string]any{"email": client.FreshEmail("guest"), "password": password})
		},
		"POST /auth/otp/sign-in": func(t *testing.T) client.Response {
			email := client.FreshEmail("by-mail")
			token, _ := signInByMail(t, email).Object()["access_token"].(string)
			enrol(t, visitor(dev).With("Access-Token", token))
			return signInByMail(t, email)
		},
		"POST /auth/mfa/sign-in": func(t *testing.T) client.Response {
			email, _, me := signUp(t, dev)
			enrol(t, me)
			asked := refuse(t, visitor(dev), http.MethodPost, "/auth/password/sign-in", map[string]any{"email": email, "password": password}, "MULTI_FACTOR_AUTHENTICATION_REQUIRED")
			details, _ := asked.Object()["details"].(map[string]any)
			refuse(t, visitor(dev), http.MethodPost, "/auth/mfa/sign-in", map[string]any{"type": "totp", "totp": "000000", "code": details["attempt_code"]}, "INVALID_TOTP_CODE")
			return asked
		},
	}
	for _, name := range tokenRoutes() {
		path, ok := paths[name]
		if !ok {
			if sessionless[name] == "" {
				t.Errorf("%s answers with tokens: play it, or say why it need not ask for a second factor", name)
			}
			continue
		}
		t.Run(name, func(t *testing.T) {
			if answer := path(t); answer.Code() != "MULTI_FACTOR_AUTHENTICATION_REQUIRED" {
				t.Errorf("answered with %s", answer)
			}
		})
		delete(paths, name)
	}
	for name := range maps.Keys(paths) {
		t.Errorf("%s does not answer with tokens any more", name)
	}
}

// tokenRoutes are the routes whose answers have room for a token.
func tokenRoutes() []string {
	var found []string
	for _, route := range routes.All() {
		fields := route.Descriptor.Output().Fields()
		if slices.ContainsFunc([]protoreflect.Name{"access_token", "refresh_token"}, func(name protoreflect.Name) bool { return fields.ByName(name) != nil }) {
			found = append(found, route.String())
		}
	}
	return found
}

// signInByMail asks for a code by mail and signs in with it.
func signInByMail(t *testing.T, email string) client.Response {
	t.Helper()
	sent := succeed(t, visitor(dev), http.MethodPost, "/auth/otp/send-sign-in-code", map[string]any{"email": email, "callback_url": callbackURL})
	nonce, _ := sent["nonce"].(string)
	mailbox := client.Mailbox{URL: system.MailboxURL}
	var code string
	err := client.Poll(t.Context(), func(ctx context.Context) error {
		mails, err := mailbox.To(ctx, email)
		if err != nil {
			return err
		}
		for _, mail := range mails {
			if err := client.New(system.MailboxURL).Expect(ctx, http.MethodGet, "/api/v1/message/"+mail.ID, nil, &mail); err != nil {
				return err
			}
			if code, err = mail.Code(); err == nil && strings.HasSuffix(code, nonce) {
				return nil
			}
		}
		return fmt.Errorf("no mail with the nonce among %d", len(mails))
	})
	if err != nil {
		t.Fatal(err)
	}
	return call(t, visitor(dev), http.MethodPost, "/auth/otp/sign-in", map[string]any{"code": code})
}
