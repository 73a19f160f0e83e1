package accesstoken

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/domain"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// sign returns the header, the claims and the key of a token for subject.
func sign(t *testing.T, subject domain.Subject) (header, claims map[string]any, text string, key domain.SigningKey) {
	t.Helper()
	token := domain.AccessToken{
		Tenant:    ids.Tenant{ProjectID: "internal", BranchID: "main"},
		SessionID: "9d9ba1c5-3d39-4aa4-8f9d-3c1c05b1b0f9",
		Subject:   subject,
	}
	key, err := domain.NewSigningKey(token.Audience(), domain.KeyActive, epoch)
	if err != nil {
		t.Fatal(err)
	}
	issuer := token.Audience().Issuer("https://api.example.com")
	text, err = Signer{}.Sign(key, token, issuer, epoch, epoch.Add(10*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(text, ".")
	for i, into := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims, text, key
}

func TestSign_bareUser_hasTheEighteenClaimsWithNulls(t *testing.T) {
	header, claims, _, key := sign(t, domain.Subject{
		UserID:     "3241a285-8329-4d69-8f3d-316e08cf140c",
		SignedUpAt: epoch.Add(-time.Millisecond),
	})
	if want := map[string]any{"alg": "ES256", "kid": key.KID}; !maps.Equal(header, want) {
		t.Errorf("header %v, want %v", header, want)
	}
	want := map[string]any{
		"iss":               "https://api.example.com/api/v1/projects/internal",
		"aud":               "internal",
		"sub":               "3241a285-8329-4d69-8f3d-316e08cf140c",
		"iat":               float64(epoch.Unix()),
		"exp":               float64(epoch.Unix() + 600),
		"project_id":        "internal",
		"branch_id":         "main",
		"refresh_token_id":  "9d9ba1c5-3d39-4aa4-8f9d-3c1c05b1b0f9",
		"role":              "authenticated",
		"name":              nil,
		"email":             nil,
		"email_verified":    false,
		"selected_team_id":  nil,
		"signed_up_at":      float64(epoch.Unix() - 1),
		"is_anonymous":      false,
		"is_restricted":     false,
		"restricted_reason": nil,
		"requires_totp_mfa": false,
	}
	if len(want) != 18 || !reflect.DeepEqual(claims, want) {
		t.Errorf("claims %v, want %v", claims, want)
	}
}

func TestSign_fullUser_carriesEveryValue(t *testing.T) {
	name, email, team := "Ada <ada>", "ada@example.com", "8d7f1b1e-6f6e-4c3c-8a26-0c8b2c1f4e1d"
	_, claims, _, _ := sign(t, domain.Subject{
		UserID: "u", Name: &name, Email: &email, EmailVerified: true, SelectedTeamID: &team, SignedUpAt: epoch,
		Restricted: true, RestrictedReason: "restricted_by_administrator", RequiresTOTP: true,
	})
	for claim, want := range map[string]any{
		"iss": "https://api.example.com/api/v1/projects-restricted-users/internal", "aud": "internal:restricted",
		"name": name, "email": email, "email_verified": true, "selected_team_id": team, "is_restricted": true,
		"is_anonymous": false, "requires_totp_mfa": true,
		"restricted_reason": map[string]any{"type": "restricted_by_administrator"},
	} {
		if !reflect.DeepEqual(claims[claim], want) {
			t.Errorf("%s is %v, want %v", claim, claims[claim], want)
		}
	}
	if len(claims) != 18 {
		t.Errorf("claims %v", slices.Sorted(maps.Keys(claims)))
	}
}

func TestSign_anonymousUser_isRestrictedToo(t *testing.T) {
	_, claims, _, _ := sign(t, domain.Subject{UserID: "u", Anonymous: true, Restricted: true, RestrictedReason: "anonymous"})
	if claims["aud"] != "internal:anon" || claims["is_restricted"] != true || claims["role"] != "authenticated" {
		t.Errorf("claims %v", claims)
	}
}

func TestSign_token_verifiesWithItsKeyOnly(t *testing.T) {
	_, _, text, key := sign(t, domain.Subject{UserID: "u"})
	_, _, _, other := sign(t, domain.Subject{UserID: "u"})
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithoutClaimsValidation())
	verify := func(public *ecdsa.PublicKey) error {
		_, err := parser.Parse(text, func(*jwt.Token) (any, error) { return public, nil })
		return err
	}
	if err := verify(&key.Private.PublicKey); err != nil {
		t.Error(err)
	}
	if err := verify(&other.Private.PublicKey); err == nil {
		t.Error("another key verifies the token")
	}
}
