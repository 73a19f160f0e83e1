package service

import (
	"errors"
	"fmt"
	"io"

	"vestibule.dev/pkg/credential"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
)

// issueConfig is what issuing needs. The private key belongs to whoever issues
// credentials and to no running service.
type issueConfig struct {
	// CredentialKey signs service credentials: PKCS #8 PEM or the base64 of an
	// Ed25519 seed.
	CredentialKey secret.Secret `env:"CREDENTIAL_KEY,required"`
}

// credential makes keys and service credentials.
func (c Command) credential(out io.Writer, args []string) error {
	const usage = "usage: credential keygen | credential issue --name NAME --scope CONTEXT:LEVEL:PROJECT… [--life DURATION]"
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch args[0] {
	case "keygen":
		return credential.GenerateKey(out)
	case "issue":
		request, err := credential.ParseFlags(args[1:])
		if err != nil {
			return fmt.Errorf("%w\n%s", err, usage)
		}
		var cfg issueConfig
		if err := Load(c.Name, &cfg); err != nil {
			return err
		}
		key, err := principal.ParsePrivateKey(cfg.CredentialKey)
		if err != nil {
			return fmt.Errorf("%sCREDENTIAL_KEY: %w", prefix(c.Name), err)
		}
		return credential.Issue(out, key, request)
	}
	return errors.New(usage)
}
