package principal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"vestibule.dev/pkg/secret"
)

// ParsePrivateKey reads an Ed25519 key given as PKCS #8 PEM or as the base64
// text of its 32-byte seed. Errors do not repeat the text.
func ParsePrivateKey(text secret.Secret) (ed25519.PrivateKey, error) {
	s := strings.TrimSpace(string(text))
	if strings.HasPrefix(s, "-----BEGIN") {
		block, rest := pem.Decode([]byte(s))
		if block == nil || block.Type != "PRIVATE KEY" || len(rest) != 0 {
			return nil, errors.New("principal: want one PEM block of type PRIVATE KEY")
		}
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("principal: PEM block is not PKCS #8")
		}
		key, ok := parsed.(ed25519.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("principal: want an Ed25519 key, have %T", parsed)
		}
		return key, nil
	}
	seed, ok := decodeBase64(s)
	if !ok || len(seed) != ed25519.SeedSize {
		return nil, errors.New("principal: private key is neither PEM nor the base64 of 32 bytes")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// ParsePublicKeys reads the Ed25519 keys a verifier accepts: PEM blocks of
// type PUBLIC KEY, or base64 texts of 32 bytes separated by commas. Several
// keys are what makes rotation possible without refusing a request.
func ParsePublicKeys(text string) ([]ed25519.PublicKey, error) {
	s := strings.TrimSpace(text)
	var keys []ed25519.PublicKey
	if !strings.HasPrefix(s, "-----BEGIN") {
		for part := range strings.SplitSeq(s, ",") {
			raw, ok := decodeBase64(strings.TrimSpace(part))
			if !ok || len(raw) != ed25519.PublicKeySize {
				return nil, errors.New("principal: public key is neither PEM nor the base64 of 32 bytes")
			}
			keys = append(keys, raw)
		}
		return keys, nil
	}
	for rest := []byte(s); len(rest) > 0; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil || block.Type != "PUBLIC KEY" {
			return nil, errors.New("principal: want PEM blocks of type PUBLIC KEY")
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("principal: parse public key: %w", err)
		}
		key, ok := parsed.(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("principal: want an Ed25519 key, have %T", parsed)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func decodeBase64(s string) ([]byte, bool) {
	s = strings.TrimRight(s, "=")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := encoding.DecodeString(s); err == nil {
			return b, true
		}
	}
	return nil, false
}

// keyID names a public key by its content, so that no one has to keep names
// and keys in step.
func keyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}
