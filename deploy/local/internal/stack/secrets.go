package stack

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"vestibule.dev/deploy/local/devfile"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
)

// secrets is what is generated at the first start and kept in the data
// directory: without it the data could not be read any more.
type secrets struct {
	// PostgresPassword is the superuser's on the stack's own server.
	PostgresPassword string `json:"postgres_password"`
	// PrincipalKey signs callers' identities: the seed of an Ed25519 key.
	PrincipalKey []byte `json:"principal_key"`
	// ServiceKey signs calls between services.
	ServiceKey []byte `json:"service_key"`
	// CredentialKey signs the credentials of the operator's own backends: the
	// seed of an Ed25519 key.
	CredentialKey []byte `json:"credential_key"`
	// Credential is one that may do everything.
	Credential string `json:"credential"`
	// Services holds what one service alone may know.
	Services map[string]*serviceSecrets `json:"services"`
	// Projects are the ids and keys of the seeded projects.
	Projects map[string]*devfile.Project `json:"projects"`
}

type serviceSecrets struct {
	DatabasePassword string `json:"database_password"`
	EncryptionKey    []byte `json:"encryption_key"` // AES-256
	CodeKey          []byte `json:"code_key"`       // HMAC of one-time codes
}

const keyBytes = 32

// The seeded projects.
const (
	projectInternal = "internal"
	projectDev      = "dev"
)

// loadSecrets reads the secrets of the data directory and adds what is missing.
func loadSecrets(dataDir string) (*secrets, error) {
	path := filepath.Join(dataDir, "secrets.json")
	s := new(secrets)
	content, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(content, s); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	s.fill()
	if err := s.fillCredential(); err != nil {
		return nil, err
	}
	return s, devfile.WriteJSON(path, s)
}

// fill generates what is missing.
func (s *secrets) fill() {
	generateText(&s.PostgresPassword, rand.Text)
	generateKey(&s.PrincipalKey)
	generateKey(&s.ServiceKey)
	generateKey(&s.CredentialKey)
	if s.Services == nil {
		s.Services = map[string]*serviceSecrets{}
	}
	for _, name := range services {
		if s.Services[name] == nil {
			s.Services[name] = new(serviceSecrets)
		}
		generateText(&s.Services[name].DatabasePassword, rand.Text)
		generateKey(&s.Services[name].EncryptionKey)
		generateKey(&s.Services[name].CodeKey)
	}
	if s.Projects == nil {
		s.Projects = map[string]*devfile.Project{}
	}
	for _, name := range []string{projectInternal, projectDev} {
		if s.Projects[name] == nil {
			s.Projects[name] = new(devfile.Project)
		}
		project := s.Projects[name]
		generateText(&project.PublishableClientKey, projectKey(ids.PublishableClientKey))
		generateText(&project.SecretServerKey, projectKey(ids.SecretServerKey))
		generateText(&project.SuperSecretAdminKey, projectKey(ids.SuperSecretAdminKey))
	}
	s.Projects[projectInternal].ID = "internal" // fixed by the API contract
	generateText(&s.Projects[projectDev].ID, ids.NewUUID)
}

// fillCredential issues a credential for everything if there is none that the
// services would accept for another while.
func (s *secrets) fillCredential() error {
	const least = 30 * 24 * time.Hour
	key := ed25519.NewKeyFromSeed(s.CredentialKey)
	verifier, err := principal.NewCredentialVerifier(later(least), []ed25519.PublicKey{key.Public().(ed25519.PublicKey)})
	if err != nil {
		return err
	}
	if _, err := verifier.Verify(s.Credential); err == nil {
		return nil
	}
	issuer, err := principal.NewCredentialIssuer(clock.System(), key)
	if err != nil {
		return err
	}
	everything := []principal.Scope{{Context: principal.Any, Level: principal.LevelAdmin, ProjectID: principal.Any}}
	s.Credential, _, err = issuer.Issue("dev", everything, principal.MaxCredentialLife)
	return err
}

// later is a clock that goes fast.
type later time.Duration

// Now implements clock.Clock.
func (l later) Now() time.Time { return clock.System().Now().Add(time.Duration(l)) }

// projects are the seeded projects; keys that the caller chose replace the
// generated ones.
func (s *secrets) projects(settings Settings) map[string]devfile.Project {
	internal := *s.Projects[projectInternal]
	override(&internal.PublishableClientKey, settings.InternalPublishableClientKey)
	override(&internal.SecretServerKey, settings.InternalSecretServerKey)
	override(&internal.SuperSecretAdminKey, settings.InternalSuperSecretAdminKey)
	return map[string]devfile.Project{projectInternal: internal, projectDev: *s.Projects[projectDev]}
}

// principalPublicKey is the half of the principal key that services verify
// with.
func (s *secrets) principalPublicKey() []byte {
	return ed25519.NewKeyFromSeed(s.PrincipalKey).Public().(ed25519.PublicKey)
}

// credentialPublicKey is the half of the credential key that services verify
// with.
func (s *secrets) credentialPublicKey() []byte {
	return ed25519.NewKeyFromSeed(s.CredentialKey).Public().(ed25519.PublicKey)
}

func projectKey(kind ids.ProjectKeyKind) func() string {
	return func() string { return ids.NewProjectKey(kind) }
}

func generateText(text *string, generate func() string) {
	if *text == "" {
		*text = generate()
	}
}

func generateKey(key *[]byte) {
	if len(*key) != keyBytes {
		*key = make([]byte, keyBytes)
		_, _ = rand.Read(*key) // never fails, see crypto/rand
	}
}

func override(value *string, by string) {
	if by != "" {
		*value = by
	}
}

func base64Text(key []byte) string { return base64.StdEncoding.EncodeToString(key) }
