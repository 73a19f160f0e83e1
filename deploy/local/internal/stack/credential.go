package stack

import (
	"crypto/ed25519"
	"io"
	"os"

	"vestibule.dev/pkg/credential"
)

// IssueCredential prints a service credential of the stack in the data
// directory, which need not run. The arguments are those of a service's
// "credential issue".
func IssueCredential(settings Settings, out io.Writer, args []string) error {
	request, err := credential.ParseFlags(args)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(settings.DataDir, 0o700); err != nil {
		return err
	}
	kept, err := loadSecrets(settings.DataDir)
	if err != nil {
		return err
	}
	return credential.Issue(out, ed25519.NewKeyFromSeed(kept.CredentialKey), request)
}
