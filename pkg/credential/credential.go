// Package credential promises one way to make service credentials at a command
// line, for the binaries of the services and the dev stack alike.
package credential

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/principal"
)

// GenerateKey prints a new key pair as the two variables that hold it.
func GenerateKey(out io.Writer) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "CREDENTIAL_KEY=%s\nCREDENTIAL_PUBLIC_KEYS=%s\n",
		base64.StdEncoding.EncodeToString(private.Seed()), base64.StdEncoding.EncodeToString(public))
	return err
}

// DefaultLife is the life of a credential whose issuer names none.
const DefaultLife = 90 * 24 * time.Hour

// Request is what a credential is to be like.
type Request struct {
	Name   string
	Scopes []principal.Scope
	Life   time.Duration
}

// ParseFlags reads a request from the arguments --name, --scope and --life.
func ParseFlags(args []string) (Request, error) {
	var r Request
	var texts []string
	flags := flag.NewFlagSet("credential issue", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&r.Name, "name", "", "the backend's name")
	flags.Func("scope", "context:level:project, may be repeated", func(text string) error {
		texts = append(texts, text)
		return nil
	})
	flags.DurationVar(&r.Life, "life", DefaultLife, "such as 720h")
	if err := flags.Parse(args); err != nil {
		return Request{}, err
	}
	if flags.NArg() > 0 {
		return Request{}, fmt.Errorf("unexpected %q", flags.Arg(0))
	}
	var err error
	r.Scopes, err = principal.ParseScopes(strings.Join(texts, " "))
	return r, err
}

// Issue prints a credential's token, and as a comment above it what
// is needed to revoke it.
func Issue(out io.Writer, key ed25519.PrivateKey, r Request) error {
	issuer, err := principal.NewCredentialIssuer(clock.System(), key)
	if err != nil {
		return err
	}
	token, c, err := issuer.Issue(r.Name, r.Scopes, r.Life)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "# %s, id %s, until %s\n%s\n", r.Name, c.ID,
		clock.System().Now().Add(r.Life).UTC().Format(time.RFC3339), token)
	return err
}
