package grpcx_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/tenancy"
	identityv1 "vestibule.dev/proto/identity/v1"
)

// scope tells for whom a request's work is done.
func scope(ctx context.Context) string {
	value, ok := tenancy.Scope(ctx)
	if !ok {
		return "nobody has said"
	}
	return value
}

func TestChain_publicMethod_worksForThePrincipalsProject(t *testing.T) {
	h := grpctest.New(t, "echo", handler(func(ctx context.Context, _, _ string) (string, error) { return scope(ctx), nil }).register("EchoService"))
	for _, tt := range []struct {
		principal principal.Principal
		want      string
	}{
		{principal.Principal{ProjectID: "a", BranchID: "main", Access: principal.AccessClient}, "a"},
		{principal.Principal{ProjectID: "b", BranchID: "main", Access: principal.AccessClient}, "b"},
		{principal.Principal{}, ""},
		{principal.Principal{ProjectID: tenancy.All, BranchID: "main", Access: principal.AccessClient}, ""},
	} {
		got, err := call(grpctest.As(t.Context(), tt.principal), h.Conn, "EchoService/Public", request(t, ""))
		if err != nil || got != tt.want {
			t.Errorf("%+v: work for %q, %v; want %q", tt.principal, got, err, tt.want)
		}
	}
}

// insider is an internal service.
type insider struct {
	identityv1.UnimplementedUserInternalServiceServer
	seen chan string
}

func (i insider) ListUserContacts(ctx context.Context, _ *identityv1.ListUserContactsRequest) (*identityv1.ListUserContactsResponse, error) {
	i.seen <- scope(ctx)
	return &identityv1.ListUserContactsResponse{}, nil
}

// A service may ask for another project than that of the request it works on,
// such as for the users of project internal.
func TestChain_internalMethod_worksForTheProjectItNames(t *testing.T) {
	i := insider{seen: make(chan string, 1)}
	h := grpctest.New(t, "identity", func(r grpc.ServiceRegistrar) { identityv1.RegisterUserInternalServiceServer(r, i) })
	client := identityv1.NewUserInternalServiceClient(h.Caller("teams"))
	for _, project := range []string{"a", "internal"} {
		if _, err := client.ListUserContacts(t.Context(), &identityv1.ListUserContactsRequest{ProjectId: project, BranchId: "main"}); err != nil {
			t.Fatal(err)
		}
		if got := <-i.seen; got != project {
			t.Errorf("work for %q, want %q", got, project)
		}
	}
}
