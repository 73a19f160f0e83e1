package credential_test

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/credential"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
)

func TestIssue_withGeneratedKey_verifies(t *testing.T) {
	var keys, issued bytes.Buffer
	if err := credential.GenerateKey(&keys); err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{}
	for line := range strings.Lines(keys.String()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		variables[name] = value
	}
	key, err := principal.ParsePrivateKey(secret.Secret(variables["CREDENTIAL_KEY"]))
	if err != nil {
		t.Fatal(err)
	}
	public, err := principal.ParsePublicKeys(variables["CREDENTIAL_PUBLIC_KEYS"])
	if err != nil {
		t.Fatal(err)
	}
	request, err := credential.ParseFlags([]string{"--name", "billing", "--scope", "payments:server:*", "--scope", "identity:read:*", "--life", "1h"})
	if err != nil {
		t.Fatal(err)
	}
	if err := credential.Issue(&issued, key, request); err != nil {
		t.Fatal(err)
	}
	comment, token, _ := strings.Cut(strings.TrimSpace(issued.String()), "\n")
	verifier, err := principal.NewCredentialVerifier(clock.System(), []ed25519.PublicKey{public[0]})
	if err != nil {
		t.Fatal(err)
	}
	c, err := verifier.Verify(token)
	if err != nil || c.Name != "billing" || len(c.Scopes) != 2 || !strings.Contains(comment, c.ID) {
		t.Errorf("issued %q: %+v, %v", comment, c, err)
	}
}

func TestParseFlags_defaultsAndMistakes(t *testing.T) {
	request, err := credential.ParseFlags([]string{"--name", "billing", "--scope", "*:read:*"})
	if err != nil || request.Life != credential.DefaultLife || request.Life > principal.MaxCredentialLife || request.Life < time.Hour {
		t.Errorf("%+v, %v", request, err)
	}
	for _, args := range [][]string{{"--scope", "payments"}, {"--life", "long"}, {"billing"}, {"--who", "me"}} {
		if request, err := credential.ParseFlags(args); err == nil {
			t.Errorf("%v is %+v", args, request)
		}
	}
}
