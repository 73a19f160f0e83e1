package isolation

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/dynamicpb"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	policyv1 "vestibule.dev/proto/policy/v1"
	"vestibule.dev/test/database"
	"vestibule.dev/test/routes"
)

// credentials makes tokens like the gateway and the services do, and like
// somebody does who has found the ports but not the keys.
type credentials struct {
	t                *testing.T
	right, forged    *principal.Signer
	service, unknown secret.Secret
}

func newCredentials(t *testing.T) credentials {
	t.Helper()
	secrets, err := system.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// Services take the text of their environment for the key.
	service := secret.Secret(base64.StdEncoding.EncodeToString(secrets.ServiceKey))
	c := credentials{t: t, service: service, unknown: secret.Secret(rand.Text() + rand.Text())}
	if c.right, err = principal.NewSigner(clock.System(), ed25519.NewKeyFromSeed(secrets.PrincipalKey)); err != nil {
		t.Fatal(err)
	}
	if c.forged, err = principal.NewSigner(clock.System(), stranger); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c credentials) principal(signer *principal.Signer, access principal.Access) metadata.MD {
	c.t.Helper()
	p := principal.Principal{Access: access}
	if access != principal.AccessNone {
		p.ProjectID, p.BranchID, p.ConfigVersion = tenants[0].project.ID, "main", 1
	}
	token, err := signer.Sign(p)
	if err != nil {
		c.t.Fatal(err)
	}
	return metadata.Pairs(principal.MetadataPrincipal, token)
}

func (c credentials) caller(key secret.Secret, service string) metadata.MD {
	c.t.Helper()
	signer, err := principal.NewCallerSigner(clock.System(), service, key)
	if err != nil {
		c.t.Fatal(err)
	}
	token, err := signer.Token()
	if err != nil {
		c.t.Fatal(err)
	}
	return metadata.Pairs(principal.MetadataCaller, token)
}

// attempt is one way of calling a method directly.
type attempt struct {
	name string
	md   metadata.MD
	want codes.Code
}

func (c credentials) attempts(rpc routes.RPC) []attempt {
	found := []attempt{
		{"nothing", nil, codes.Unauthenticated},
		{"a principal nobody signed", metadata.Pairs(principal.MetadataPrincipal, "e30.e30."), codes.Unauthenticated},
		{"a principal of another key", c.principal(c.forged, principal.AccessAdmin), codes.Unauthenticated},
		{"a caller of another key", c.caller(c.unknown, "gateway"), codes.Unauthenticated},
		{"two principals", metadata.Join(c.principal(c.right, principal.AccessAdmin), c.principal(c.right, principal.AccessClient)), codes.Unauthenticated},
		{"a caller token as principal", metadata.Pairs(principal.MetadataPrincipal, c.caller(c.service, "gateway")[principal.MetadataCaller][0]), codes.Unauthenticated},
		{"a principal as caller token", metadata.Pairs(principal.MetadataCaller, c.principal(c.right, principal.AccessAdmin)[principal.MetadataPrincipal][0]), codes.Unauthenticated},
		{"an access token", metadata.Pairs("authorization", "Bearer "+tenants[0].own.AccessToken, principal.MetadataPrincipal, tenants[0].own.AccessToken), codes.Unauthenticated},
		{"names in plain text", metadata.Pairs("vestibule-project-id", "internal", "vestibule-access", "admin", "x-stack-access-type", "admin"), codes.Unauthenticated},
	}
	if rpc.Internal() {
		found = append(found, attempt{"a principal", c.principal(c.right, principal.AccessAdmin), codes.Unauthenticated})
		for _, service := range append([]string{"gateway", "stranger"}, slices.Sorted(maps.Keys(system.Databases))...) {
			if !slices.Contains(rpc.Policy.GetCallers(), service) {
				found = append(found, attempt{"caller " + service, c.caller(c.service, service), codes.PermissionDenied})
			}
		}
		return found
	}
	found = append(found, attempt{"a caller", c.caller(c.service, "gateway"), codes.Unauthenticated})
	for access, declared := range map[principal.Access]policyv1.Access{
		principal.AccessClient: policyv1.Access_ACCESS_CLIENT,
		principal.AccessServer: policyv1.Access_ACCESS_SERVER,
		principal.AccessAdmin:  policyv1.Access_ACCESS_ADMIN,
	} {
		if !slices.Contains(rpc.Policy.GetAccess(), declared) {
			found = append(found, attempt{"a principal with access " + string(access), c.principal(c.right, access), codes.PermissionDenied})
		}
	}
	if !rpc.Policy.GetPublic() {
		found = append(found, attempt{"a principal without access", c.principal(c.right, principal.AccessNone), codes.Unauthenticated})
	}
	return found
}

// allowed is how the method may be called.
func (c credentials) allowed(rpc routes.RPC) metadata.MD {
	if rpc.Internal() {
		return c.caller(c.service, rpc.Policy.GetCallers()[0])
	}
	access := map[policyv1.Access]principal.Access{
		policyv1.Access_ACCESS_CLIENT: principal.AccessClient,
		policyv1.Access_ACCESS_SERVER: principal.AccessServer,
		policyv1.Access_ACCESS_ADMIN:  principal.AccessAdmin,
	}[rpc.Policy.GetAccess()[0]]
	return c.principal(c.right, access)
}

// Who reaches a service past the gateway reaches nothing.
func TestRPCs_calledDirectly_wantTheirCaller(t *testing.T) {
	settle(t)
	credentials := newCredentials(t)
	before := content(t)
	connections := map[string]*grpc.ClientConn{}
	for service := range system.GRPC {
		connections[service] = dial(t, service)
	}
	for _, rpc := range routes.RPCs() {
		if rpc.Policy == nil {
			t.Errorf("%s has no policy", rpc.FullMethod)
			continue
		}
		for _, attempt := range credentials.attempts(rpc) {
			t.Run(rpc.FullMethod+"/"+attempt.name, func(t *testing.T) {
				if got := invoke(t, connections[rpc.Context], rpc, attempt.md); got != attempt.want {
					t.Errorf("answered with %v, want %v", got, attempt.want)
				}
			})
		}
		// Otherwise the refusals would prove nothing. Reads only: the empty
		// request of a change might be a good one.
		name := string(rpc.Descriptor.Name())
		if strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "List") || strings.HasPrefix(name, "LookUp") {
			t.Run(rpc.FullMethod+"/allowed", func(t *testing.T) {
				// Some methods have a use for a user of another project alone.
				got := invoke(t, connections[rpc.Context], rpc, credentials.allowed(rpc))
				refused := []codes.Code{codes.Unimplemented, codes.Unavailable, codes.PermissionDenied}
				if slices.Contains(refused, got) || got == codes.Unauthenticated && rpc.Internal() {
					t.Errorf("answered with %v", got)
				}
			})
		}
	}
	// GetTokenSubject and the like record activity; of nobody here.
	if changed := database.Changed(before, content(t)); len(changed) > 0 {
		t.Errorf("%v changed", changed)
	}
}

// What a service offers is what has a policy.
func TestServices_offered_areKnown(t *testing.T) {
	known := map[string]bool{
		"grpc.health.v1.Health":                    true,
		"grpc.reflection.v1.ServerReflection":      true,
		"grpc.reflection.v1alpha.ServerReflection": true,
	}
	for _, rpc := range routes.RPCs() {
		known[string(rpc.Descriptor.Parent().FullName())] = true
	}
	for service := range system.GRPC {
		stream, err := reflectionv1.NewServerReflectionClient(dial(t, service)).ServerReflectionInfo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		err = stream.Send(&reflectionv1.ServerReflectionRequest{
			MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{},
		})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := stream.Recv()
		if err != nil {
			t.Fatalf("%s: %v", service, err)
		}
		for _, offered := range answer.GetListServicesResponse().GetService() {
			if !known[offered.GetName()] {
				t.Errorf("%s offers %s", service, offered.GetName())
			}
		}
	}
}

func dial(t *testing.T, service string) *grpc.ClientConn {
	t.Helper()
	connection, err := grpc.NewClient(system.GRPC[service], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// invoke calls a method with an empty request.
func invoke(t *testing.T, connection *grpc.ClientConn, rpc routes.RPC, md metadata.MD) codes.Code {
	t.Helper()
	return answer(t, connection, rpc, md).Code()
}

// answer is the status of a call with an empty request.
func answer(t *testing.T, connection *grpc.ClientConn, rpc routes.RPC, md metadata.MD) *status.Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ctx = metadata.NewOutgoingContext(ctx, md)
	err := connection.Invoke(ctx, rpc.FullMethod, dynamicpb.NewMessage(rpc.Descriptor.Input()), dynamicpb.NewMessage(rpc.Descriptor.Output()))
	return status.Convert(err)
}
