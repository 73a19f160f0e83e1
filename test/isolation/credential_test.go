package isolation

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/principal"
	policyv1 "vestibule.dev/proto/policy/v1"
	"vestibule.dev/test/database"
	"vestibule.dev/test/routes"
)

// issuer makes service credentials.
type issuer struct {
	t *testing.T
	*principal.CredentialIssuer
}

func newIssuer(t *testing.T, key ed25519.PrivateKey) issuer {
	t.Helper()
	i, err := principal.NewCredentialIssuer(clock.System(), key)
	if err != nil {
		t.Fatal(err)
	}
	return issuer{t, i}
}

// metadata is that of a call for a project with a credential of these scopes.
func (i issuer) metadata(scope, projectID string) metadata.MD {
	i.t.Helper()
	scopes, err := principal.ParseScopes(scope)
	if err != nil {
		i.t.Fatal(err)
	}
	token, _, err := i.Issue("tester", scopes, time.Hour)
	if err != nil {
		i.t.Fatal(err)
	}
	return metadata.Pairs(principal.MetadataCredential, token, principal.MetadataProject, projectID)
}

// A backend reaches by gRPC what its scopes name and nothing else.
func TestRPCs_calledWithACredential_wantItsScopes(t *testing.T) {
	settle(t)
	secrets, err := system.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	right, forged := newIssuer(t, ed25519.NewKeyFromSeed(secrets.CredentialKey)), newIssuer(t, stranger)
	principals := newIssuer(t, ed25519.NewKeyFromSeed(secrets.PrincipalKey))
	own, foreign := tenants[0].project.ID, tenants[0].foreign.project.ID
	others := map[string]string{
		"identity": "sessions", "sessions": "teams", "teams": "notifications", "notifications": "payments", "payments": "identity",
	}

	before := content(t)
	var allowed int
	for _, rpc := range routes.RPCs() {
		connection := dial(t, rpc.Context)
		name := string(rpc.Descriptor.Name())
		reads := strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "List") ||
			strings.HasPrefix(name, "LookUp") || strings.HasPrefix(name, "Check")
		attempts := []attempt{
			{"of another key", forged.metadata("*:admin:*", own), codes.Unauthenticated},
			{"of the gateway's key", principals.metadata("*:admin:*", own), codes.Unauthenticated},
		}
		if rpc.Internal() {
			attempts = append(attempts, attempt{"for everything", right.metadata("*:admin:*", own), codes.Unauthenticated})
		} else {
			attempts = append(attempts,
				attempt{"for another context", right.metadata(others[rpc.Context]+":admin:*", own), codes.PermissionDenied},
				attempt{"for another project", right.metadata("*:admin:"+foreign, own), codes.PermissionDenied},
				attempt{"without a project", right.metadata("*:admin:*", ""), codes.InvalidArgument},
				attempt{"for a project that is not there", right.metadata("*:admin:*", "8d7c4f0e-3a52-4d55-9f5e-0f7f6d1c2b3a"), codes.InvalidArgument},
			)
			if !reads {
				attempts = append(attempts, attempt{"that only reads", right.metadata("*:read:*", own), codes.PermissionDenied})
			}
			if !accepts(rpc, policyv1.Access_ACCESS_SERVER) {
				attempts = append(attempts, attempt{"of a server", right.metadata("*:server:*", own), codes.PermissionDenied})
			}
		}
		for _, attempt := range attempts {
			t.Run(rpc.FullMethod+"/"+attempt.name, func(t *testing.T) {
				if got := invoke(t, connection, rpc, attempt.md); got != attempt.want {
					t.Errorf("answered with %v, want %v", got, attempt.want)
				}
			})
		}
		// Otherwise the refusals would prove nothing.
		if reads && !rpc.Internal() && accepts(rpc, policyv1.Access_ACCESS_SERVER) {
			t.Run(rpc.FullMethod+"/for its context and project", func(t *testing.T) {
				allowed++
				got := answer(t, connection, rpc, right.metadata(rpc.Context+":read:"+own, own))
				// What the method itself says is a known error.
				if got.Code() != codes.OK && len(got.Details()) == 0 {
					t.Errorf("answered with %v", got)
				}
			})
		}
	}
	if allowed < 5 {
		t.Errorf("only %d methods were called as allowed", allowed)
	}
	if changed := database.Changed(before, content(t)); len(changed) > 0 {
		t.Errorf("%v changed", changed)
	}
}

func accepts(rpc routes.RPC, access policyv1.Access) bool {
	for _, a := range rpc.Policy.GetAccess() {
		if a == access {
			return true
		}
	}
	return false
}
