package grpcx_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/rate"
)

const (
	ownProject   = "7f3b9a52-5b0e-4a6e-9a43-0a8f2f1d3c11"
	otherProject = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
	goneProject  = "8d7c4f0e-3a52-4d55-9f5e-0f7f6d1c2b3a"
	aUser        = "0b4b0d6c-5a53-4b5b-9d5c-0f3f2b0d8a11"
)

// backends lets in those with a credential of the returned issuer.
func backends(t *testing.T) (grpctest.Option, *principal.CredentialIssuer) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := principal.NewCredentialIssuer(clock.System(), private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := principal.NewCredentialVerifier(clock.System(), []ed25519.PublicKey{public})
	if err != nil {
		t.Fatal(err)
	}
	return func(cfg *grpcx.ServerConfig) {
		cfg.Backends = grpcx.Backends{Verifier: verifier, LookUp: func(_ context.Context, id string) (*grpcx.Project, error) {
			if id == goneProject {
				return nil, nil
			}
			return &grpcx.Project{ConfigVersion: 7, Branches: []string{"main"}}, nil
		}}
	}, issuer
}

// with returns a context that calls with a credential of these scopes. The
// methods of the tests belong to no context, so scopes name all.
func with(t *testing.T, issuer *principal.CredentialIssuer, scope string, pairs ...string) context.Context {
	t.Helper()
	scopes, err := principal.ParseScopes(scope)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := issuer.Issue("billing", scopes, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return metadata.AppendToOutgoingContext(t.Context(), append(pairs, principal.MetadataCredential, token)...)
}

// A backend that calls too often is told when to come back, however many
// credentials it has. Others are let in meanwhile.
func TestBackend_tooFast_isToldWhenToComeBack(t *testing.T) {
	option, issuer := backends(t)
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"), option, func(cfg *grpcx.ServerConfig) {
		cfg.Backends.Rate = rate.Rate{PerSecond: 1. / 3600, Burst: 20}
	})
	conn := h.Raw()
	try := func(ctx context.Context) error {
		_, err := call(metadata.AppendToOutgoingContext(ctx, principal.MetadataProject, ownProject), conn, "EchoService/All", request(t, ""))
		return err
	}
	scopes, err := principal.ParseScopes("*:server:*")
	if err != nil {
		t.Fatal(err)
	}
	as := func(name string) context.Context {
		token, _, err := issuer.Issue(name, scopes, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return metadata.AppendToOutgoingContext(t.Context(), principal.MetadataCredential, token)
	}
	var mu sync.Mutex
	var passed int
	var refusals []error
	var everybody sync.WaitGroup
	for range 4 {
		ctx := as("flooding") // another credential of the same backend
		everybody.Go(func() {
			for range 10 {
				err := try(ctx)
				mu.Lock()
				if err == nil {
					passed++
				} else {
					refusals = append(refusals, err)
				}
				mu.Unlock()
			}
		})
	}
	everybody.Wait()
	if passed != 20 || len(refusals) != 20 {
		t.Errorf("%d calls passed and %d were refused, want 20 of each", passed, len(refusals))
	}
	for _, err := range refusals {
		if e := grpcx.FromStatus(err); status.Code(err) != codes.ResourceExhausted || e.HTTP != 429 || e.Header["Retry-After"] == "" {
			t.Fatalf("refused with %v, %v", err, e.Header)
		}
	}
	if n := h.Server.Load().RateLimited; n != 20 {
		t.Errorf("%d refusals are measured", n)
	}
	if err := try(as("modest")); err != nil {
		t.Errorf("another backend: %v", err)
	}
}

func TestBackend_credential_becomesThePrincipal(t *testing.T) {
	option, issuer := backends(t)
	var got seen
	h := grpctest.New(t, "echo", handler(func(ctx context.Context, _, text string) (string, error) {
		got = look(ctx)
		return text, nil
	}).register("EchoService"), option)
	conn := h.Raw()
	for _, tt := range []struct {
		name, scope, method string
		pairs               []string
		want                principal.Principal
	}{
		{"server", "*:server:*", "All", nil, principal.Principal{Access: principal.AccessServer}},
		{"its own project", "*:server:" + ownProject, "Server", nil, principal.Principal{Access: principal.AccessServer}},
		{"for a user", "*:server:*", "All", []string{principal.MetadataUser, strings.ToUpper(aUser)},
			principal.Principal{Access: principal.AccessServer, UserID: aUser}},
		{"as admin", "*:admin:*", "Server", []string{principal.MetadataAccess, "admin"}, principal.Principal{Access: principal.AccessAdmin}},
	} {
		pairs := append([]string{principal.MetadataProject, ownProject}, tt.pairs...)
		if _, err := call(with(t, issuer, tt.scope, pairs...), conn, "EchoService/"+tt.method, request(t, "")); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		want := tt.want
		want.ProjectID, want.BranchID, want.ConfigVersion, want.Backend = ownProject, "main", 7, "billing"
		if got.principal != want || got.caller != "" {
			t.Errorf("%s: called as %+v, caller %q; want %+v", tt.name, got.principal, got.caller, want)
		}
	}
}

// A service that a backend called says so when it calls another, whatever the
// backend says of itself. Only services are believed.
func TestBackend_calls_carryItsNameOnward(t *testing.T) {
	option, issuer := backends(t)
	var origin principal.Origin
	var caller string
	var onward *grpc.ClientConn
	h := grpctest.New(t, "echo", handler(func(ctx context.Context, method, text string) (string, error) {
		if method == "Inside" {
			origin, caller = principal.OriginFromContext(ctx), principal.CallerFromContext(ctx)
			return text, nil
		}
		return call(ctx, onward, "EchoInternalService/Inside", request(t, ""))
	}).register("EchoService", "EchoInternalService"), option)
	onward = h.Caller("teams")
	if _, err := call(with(t, issuer, "*:server:*",
		principal.MetadataProject, ownProject, principal.MetadataUser, aUser,
		principal.MetadataOriginBackend, "accounting", principal.MetadataOriginUser, ownProject,
	), h.Raw(), "EchoService/All", request(t, "")); err != nil {
		t.Fatal(err)
	}
	if want := (principal.Origin{Backend: "billing", UserID: aUser}); origin != want || caller != "teams" {
		t.Errorf("called by %q for %+v, want %+v", caller, origin, want)
	}
	// Nothing of it is left for a call that comes through the edge.
	ctx := metadata.AppendToOutgoingContext(grpctest.As(t.Context(), member), principal.MetadataOriginBackend, "accounting")
	if _, err := call(ctx, h.Conn, "EchoService/All", request(t, "")); err != nil {
		t.Fatal(err)
	}
	if origin != (principal.Origin{}) {
		t.Errorf("through the edge for %+v", origin)
	}
}

func TestBackend_beyondItsScopes_isRefused(t *testing.T) {
	option, issuer := backends(t)
	h := grpctest.New(t, "echo", handler(echo).register("EchoService", "EchoInternalService"), option)
	conn := h.Raw()
	const own = principal.MetadataProject
	for _, tt := range []struct {
		name, scope, method string
		pairs               []string
		code                codes.Code
		known               string
	}{
		{"no project", "*:server:*", "EchoService/All", nil, codes.InvalidArgument, apierr.CodeAccessTypeWithoutProjectID},
		{"two projects", "*:server:*", "EchoService/All", []string{own, ownProject, own, otherProject}, codes.Unauthenticated, ""},
		{"another project", "*:server:" + ownProject, "EchoService/All", []string{own, otherProject}, codes.PermissionDenied, ""},
		{"a project that is gone", "*:server:*", "EchoService/All", []string{own, goneProject}, codes.InvalidArgument, apierr.CodeCurrentProjectNotFound},
		{"another branch", "*:server:*", "EchoService/All", []string{own, ownProject, principal.MetadataBranch, "x"}, codes.InvalidArgument, apierr.CodeBranchDoesNotExist},
		{"another context", "teams:admin:*", "EchoService/All", []string{own, ownProject}, codes.PermissionDenied, ""},
		{"a change by a reader", "*:read:*", "EchoService/All", []string{own, ownProject}, codes.PermissionDenied, ""},
		{"admin by a server", "*:server:*", "EchoService/Server", []string{own, ownProject, principal.MetadataAccess, "admin"}, codes.PermissionDenied, ""},
		{"client access", "*:admin:*", "EchoService/All", []string{own, ownProject, principal.MetadataAccess, "client"}, codes.InvalidArgument, apierr.CodeInvalidAccessType},
		{"a method for clients", "*:admin:*", "EchoService/User", []string{own, ownProject}, codes.PermissionDenied, apierr.CodeInsufficientAccessType},
		{"an odd user", "*:server:*", "EchoService/All", []string{own, ownProject, principal.MetadataUser, "me"}, codes.InvalidArgument, apierr.CodeSchemaError},
		{"an internal method", "*:admin:*", "EchoInternalService/Inside", []string{own, ownProject}, codes.Unauthenticated, ""},
	} {
		_, err := call(with(t, issuer, tt.scope, tt.pairs...), conn, tt.method, request(t, ""))
		if got := status.Code(err); got != tt.code {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.code)
		}
		known := grpcx.FromStatus(err)
		if tt.known != "" && !apierr.HasCode(known, tt.known) {
			t.Errorf("%s: %v, want %s", tt.name, known, tt.known)
		}
	}
}

func TestBackend_principalBesideCredential_isRefused(t *testing.T) {
	option, issuer := backends(t)
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"), option)
	ctx := with(t, issuer, "*:admin:*", principal.MetadataProject, ownProject, principal.MetadataPrincipal, signed(t, h, admin))
	if _, err := call(ctx, h.Raw(), "EchoService/All", request(t, "")); status.Code(err) != codes.Unauthenticated {
		t.Errorf("answered with %v", err)
	}
}

func TestBackend_serverWithoutBackends_refusesCredentials(t *testing.T) {
	_, issuer := backends(t)
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"))
	ctx := with(t, issuer, "*:admin:*", principal.MetadataProject, ownProject)
	if _, err := call(ctx, h.Raw(), "EchoService/All", request(t, "")); status.Code(err) != codes.Unauthenticated {
		t.Errorf("answered with %v", err)
	}
}

func TestBackend_requests_areValidatedAndMeansItsUser(t *testing.T) {
	option, issuer := backends(t)
	conn := grpctest.New(t, "echo", handler(echo).register("EchoService"), option).Raw(grpc.WithDisableRetry())
	for _, tt := range []struct {
		name, request string
		pairs         []string
		want          string
	}{
		{"sound", `text: "x"`, nil, ""},
		{"me for a user", `user_id: "me"`, []string{principal.MetadataUser, aUser}, ""},
		{"me for nobody", `user_id: "me"`, nil, apierr.CodeCannotGetOwnUserWithoutUser},
		{"two problems", `text: "far too long" inner { count: -1 }`, nil, apierr.CodeSchemaError},
	} {
		ctx := with(t, issuer, "*:server:*", append([]string{principal.MetadataProject, ownProject}, tt.pairs...)...)
		_, err := call(ctx, conn, "EchoService/All", request(t, tt.request))
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && !apierr.HasCode(grpcx.FromStatus(err), tt.want):
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
		if known, _ := errors.AsType[*apierr.Error](error(grpcx.FromStatus(err))); tt.name == "two problems" &&
			(!strings.Contains(known.Message, "text") || !strings.Contains(known.Message, "inner[0].count")) {
			t.Errorf("%s: %q does not name both", tt.name, known.Message)
		}
	}
}
