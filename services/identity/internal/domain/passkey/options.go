package passkey

import (
	"crypto/rand"
	"encoding/base64"
)

// RelyingPartyPlaceholder stands for the id of the relying party in options.
// SDKs look for exactly this text and put the host of their page in its place
// (auth.md §11).
const RelyingPartyPlaceholder = "THIS_VALUE_WILL_BE_REPLACED.example.com"

// timeoutMillis is how long a browser waits for the person.
const timeoutMillis = 60_000

// Algorithms of signatures, in order of preference (IANA COSE registry): EdDSA,
// ES256 and RS256.
var algorithms = []int64{-8, -7, -257}

// nobody is the name of a user who has neither a name nor an address: browsers
// want one.
const nobody = "Unnamed user"

// NewChallenge returns 256 random bits in base64url.
func NewChallenge() string {
	var challenge [32]byte
	_, _ = rand.Read(challenge[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(challenge[:])
}

// RegistrationOptions is PublicKeyCredentialCreationOptionsJSON. The first name
// of the user that is not empty is shown.
func RegistrationOptions(challenge, projectName, userID string, names ...string) map[string]any {
	shown := nobody
	for _, name := range names {
		if name != "" {
			shown = name
			break
		}
	}
	parameters := make([]any, 0, len(algorithms))
	for _, algorithm := range algorithms {
		parameters = append(parameters, map[string]any{"type": "public-key", "alg": float64(algorithm)})
	}
	return map[string]any{
		"rp": map[string]any{"id": RelyingPartyPlaceholder, "name": projectName},
		"user": map[string]any{
			"id": base64.RawURLEncoding.EncodeToString([]byte(userID)), "name": shown, "displayName": shown,
		},
		"challenge":          challenge,
		"pubKeyCredParams":   parameters,
		"timeout":            float64(timeoutMillis),
		"attestation":        "none",
		"excludeCredentials": []any{},
		"authenticatorSelection": map[string]any{
			"residentKey": "required", "requireResidentKey": true, "userVerification": "preferred",
		},
		"extensions": map[string]any{"credProps": true},
	}
}

// AuthenticationOptions is PublicKeyCredentialRequestOptionsJSON.
func AuthenticationOptions(challenge string) map[string]any {
	return map[string]any{
		"rpId":             RelyingPartyPlaceholder,
		"challenge":        challenge,
		"allowCredentials": []any{},
		"timeout":          float64(timeoutMillis),
		"userVerification": "preferred",
	}
}
