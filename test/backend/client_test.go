package backend

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	sdk "vestibule.dev/client"
	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

// everything is the rest of what the Go client offers, against the system.
func everything(t *testing.T, system *stack.Stack) {
	dev := system.Projects["dev"]
	operator := client.For(system.BaseURL, dev, client.Admin)
	if err := operator.Expect(t.Context(), http.MethodPatch, "/internal/config/override/environment", map[string]any{
		"config_override_string": `{"payments.items.reports": {"displayName": "Reports", "customerType": "user"}}`,
	}, nil); err != nil {
		t.Fatal(err)
	}
	visitor := client.For(system.BaseURL, dev, client.Public)
	tokens, err := visitor.SignUp(t.Context(), client.FreshEmail("client"), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	api, err := sdk.New(t.Context(), sdk.Config{Addresses: system.GRPC, Credential: system.ServiceCredential, ProjectID: dev.ID})
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()

	var made struct {
		ID    string `json:"id"`
		Value string `json:"value"`
	}
	if err := visitor.SignedIn(tokens).Expect(t.Context(), http.MethodPost, "/user-api-keys",
		map[string]any{"description": "client", "user_id": "me", "expires_at_millis": nil}, &made); err != nil {
		t.Fatal(err)
	}
	if key, err := api.CheckUserAPIKey(t.Context(), made.Value); err != nil || key.GetUserId() != tokens.UserID || key.GetId() != made.ID {
		t.Errorf("the key is %v, %v", key, err)
	}
	if _, err := api.CheckTeamAPIKey(t.Context(), made.Value); !sdk.HasCode(err, "WRONG_API_KEY_TYPE") {
		t.Errorf("as a team's key: %v", err)
	}
	if _, err := api.CheckUserAPIKey(t.Context(), made.Value+"x"); !sdk.HasCode(err, "API_KEY_NOT_FOUND") {
		t.Errorf("another key: %v", err)
	}

	customer := sdk.Customer{Type: "user", ID: tokens.UserID}
	change := func(delta int64) error {
		return api.ChangeItemQuantity(t.Context(), customer, "reports", sdk.ItemChange{Delta: delta})
	}
	for _, delta := range []int64{5, -3} {
		if err := change(delta); err != nil {
			t.Fatal(err)
		}
	}
	if err := change(-3); !sdk.HasCode(err, "ITEM_QUANTITY_INSUFFICIENT_AMOUNT") {
		t.Errorf("more than there is: %v", err)
	}
	if item, err := api.Item(t.Context(), customer, "reports"); err != nil || item.GetQuantity() != 2 {
		t.Errorf("the item is %v, %v", item, err)
	}
	if _, err := api.Item(t.Context(), customer, "nothing"); !sdk.HasCode(err, "ITEM_NOT_FOUND") {
		t.Errorf("an unknown item: %v", err)
	}
	if ok, err := api.HasProjectPermission(t.Context(), tokens.UserID, "nothing"); ok || err != nil {
		t.Errorf("an unknown permission: %v, %v", ok, err)
	}

	// Signing keys change under a verifier that has fetched the old ones.
	verifier, err := sdk.NewVerifier(sdk.VerifierConfig{BaseURL: system.BaseURL, ProjectID: dev.ID})
	if err != nil {
		t.Fatal(err)
	}
	verify := func(token string) {
		t.Helper()
		if claims, err := verifier.Verify(t.Context(), token); err != nil || claims.UserID != tokens.UserID {
			t.Errorf("a good token: %+v, %v", claims, err)
		}
	}
	verify(tokens.AccessToken)
	for range 2 {
		if err := rotate(t.Context(), system); err != nil {
			t.Fatal(err)
		}
		var fresh struct {
			AccessToken string `json:"access_token"`
		}
		if err := visitor.With("Refresh-Token", tokens.RefreshToken).Expect(t.Context(), http.MethodPost, "/auth/sessions/current/refresh", nil, &fresh); err != nil {
			t.Fatal(err)
		}
		verify(fresh.AccessToken)
		verify(tokens.AccessToken)
	}
}

// rotate makes sessions sign with other keys, as an operator does.
func rotate(ctx context.Context, system *stack.Stack) error {
	sessions := fmt.Sprintf("/proc/%d", system.PIDs["sessions"])
	program, err := os.Readlink(sessions + "/exe")
	if err != nil {
		return err
	}
	environ, err := os.ReadFile(sessions + "/environ")
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, program, "rotate-keys")
	command.Env = strings.Split(strings.TrimRight(string(environ), "\x00"), "\x00")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}
