package gateway

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	testv1 "vestibule.dev/gateway/internal/gatewaytest/v1"
	"vestibule.dev/gateway/internal/routes"
	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/obs"
	"vestibule.dev/pkg/principal"
	identityv1 "vestibule.dev/proto/identity/v1"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
)

const (
	projectA  = "0f4e8a3c-6d2b-4c1a-9e5f-7b8c9d0e1f2a"
	projectB  = "1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d"
	strictOne = "2b3c4d5e-6f7a-4b8c-9d0e-1f2a3b4c5d6e" // wants a publishable key
	userA     = "3241a285-8329-4d69-8f3d-316e08cf140c"
	sessionA  = "4c5d6e7f-8a9b-4c0d-8e1f-2a3b4c5d6e7f"
	publicURL = "https://api.example.com"

	clientKey, serverKey, adminKey = "pck_a", "ssk_a", "sak_a"
)

var thingService = routes.NewService(testv1.ThingService_ServiceDesc, testv1.NewThingServiceClient, testv1.RegisterThingServiceHandlerClient)

// rig is a gateway in front of made-up services.
type rig struct {
	t        testing.TB
	gateway  *Gateway
	clock    *clock.Fake
	identity *fakeIdentity
	sessions *fakeSessions
	things   *fakeThings
	verifier *principal.Verifier
	logs     *lockedBuffer
}

func newRig(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	r := &rig{
		t: t, clock: clock.NewFake(now),
		identity: &fakeIdentity{projects: map[string]*identityv1.GetProjectAccessResponse{}, outcome: identityv1.AuthorizeAdminResponse_OUTCOME_ALLOWED},
		sessions: &fakeSessions{keys: map[string][]signingKey{}},
		things:   &fakeThings{},
		logs:     &lockedBuffer{},
	}
	for _, id := range []string{projectA, projectB, strictOne, "internal"} {
		r.identity.projects[id] = projectAccess(id, now)
		for _, suffix := range []string{"", ":restricted", ":anon"} {
			r.sessions.keys[id+suffix] = []signingKey{newKey(t, id+suffix+"-1"), newKey(t, id+suffix+"-2")}
		}
	}
	r.identity.projects[strictOne].RequirePublishableClientKey = true

	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := principal.NewSigner(r.clock, key)
	if err != nil {
		t.Fatal(err)
	}
	if r.verifier, err = principal.NewVerifier(r.clock, signer.PublicKey()); err != nil {
		t.Fatal(err)
	}
	conn := serveFakes(t, grpcx.ClientConfig{Signer: signer}, func(s *grpc.Server) {
		identityv1.RegisterProjectInternalServiceServer(s, r.identity)
		sessionsv1.RegisterTokenInternalServiceServer(s, r.sessions)
		testv1.RegisterThingServiceServer(s, r.things)
	})
	cfg := Config{
		PublicURL: publicURL, Proxy: "none", MaxInFlight: 64,
		RatePerMinute: 600_000, ExpensiveRatePerMinute: 600_000, ProjectRatePerMinute: 600_000,
	}
	for _, f := range change {
		f(&cfg)
	}
	r.gateway, err = assemble(t.Context(), cfg, deps{
		log:         slog.New(slog.NewTextHandler(r.logs, nil)),
		clock:       r.clock,
		telemetry:   obs.NoTelemetry(),
		services:    []routes.Service{thingService},
		connections: map[string]grpc.ClientConnInterface{"identity": conn, "sessions": conn, "gatewaytest": conn},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func serveFakes(t testing.TB, cfg grpcx.ClientConfig, register func(*grpc.Server)) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	register(server)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	cfg.Target = "passthrough:///fakes"
	cfg.Options = append(cfg.Options, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return listener.DialContext(ctx)
	}))
	conn, err := grpcx.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func projectAccess(id string, now time.Time) *identityv1.GetProjectAccessResponse {
	hash := func(key string) []byte { sum := sha256.Sum256([]byte(key)); return sum[:] }
	return &identityv1.GetProjectAccessResponse{
		Found: true, ProjectId: id, ConfigVersion: 7, Branches: []string{"main"},
		KeySets: []*identityv1.ProjectKeySet{
			{Id: "other", PublishableClientKeyHash: hash("pck_b")},
			{
				Id:                       "full",
				PublishableClientKeyHash: hash(clientKey),
				SecretServerKeyHash:      hash(serverKey),
				SuperSecretAdminKeyHash:  hash(adminKey),
				ExpiresAt:                timestamppb.New(now.Add(time.Hour)),
			},
			{
				Id:                  "expired",
				SecretServerKeyHash: hash("ssk_expired"),
				ExpiresAt:           timestamppb.New(now),
			},
		},
	}
}

type fakeIdentity struct {
	identityv1.UnimplementedProjectInternalServiceServer
	mu       sync.Mutex
	projects map[string]*identityv1.GetProjectAccessResponse
	outcome  identityv1.AuthorizeAdminResponse_Outcome
	asked    int
	err      error
	// before runs ahead of an answer, whose content is settled by then.
	before func()
}

func (f *fakeIdentity) GetProjectAccess(_ context.Context, req *identityv1.GetProjectAccessRequest) (*identityv1.GetProjectAccessResponse, error) {
	res, err := f.projectAccess(req)
	if f.before != nil {
		f.before()
	}
	return res, err
}

func (f *fakeIdentity) projectAccess(req *identityv1.GetProjectAccessRequest) (*identityv1.GetProjectAccessResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if f.err != nil {
		return nil, f.err
	}
	if p := f.projects[req.GetProjectId()]; p != nil {
		return proto.CloneOf(p), nil
	}
	return &identityv1.GetProjectAccessResponse{}, nil
}

func (f *fakeIdentity) AuthorizeAdmin(context.Context, *identityv1.AuthorizeAdminRequest) (*identityv1.AuthorizeAdminResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &identityv1.AuthorizeAdminResponse{Outcome: f.outcome}, nil
}

type signingKey struct {
	kid string
	key *ecdsa.PrivateKey
}

func newKey(t testing.TB, kid string) signingKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signingKey{kid, key}
}

type fakeSessions struct {
	sessionsv1.UnimplementedTokenInternalServiceServer
	mu    sync.Mutex
	keys  map[string][]signingKey
	asked int
	err   error
}

func (f *fakeSessions) GetVerificationKeys(_ context.Context, req *sessionsv1.GetVerificationKeysRequest) (*sessionsv1.GetVerificationKeysResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	keys, ok := f.keys[req.GetAudience()]
	switch {
	case f.err != nil:
		return nil, f.err
	case !ok:
		return nil, grpcx.ToStatus(apierr.ProjectNotFound(req.GetAudience())).Err()
	}
	res := &sessionsv1.GetVerificationKeysResponse{}
	for _, k := range keys {
		raw, err := k.key.PublicKey.Bytes()
		if err != nil {
			return nil, err
		}
		res.Keys = append(res.Keys, &sessionsv1.Jwk{
			Kty: "EC", Alg: "ES256", Crv: "P-256", Kid: k.kid,
			X: base64.RawURLEncoding.EncodeToString(raw[1:33]), Y: base64.RawURLEncoding.EncodeToString(raw[33:]),
		})
	}
	return res, nil
}

// fakeThings notes what reached it and answers as told.
type fakeThings struct {
	testv1.UnimplementedThingServiceServer
	mu       sync.Mutex
	calls    int
	method   string
	request  proto.Message
	metadata metadata.MD
	deadline time.Duration
	// answer is what it says next.
	answer *testv1.Thing
	body   *httpbody.HttpBody
	header metadata.MD
	err    error
	during func()
}

func (f *fakeThings) note(ctx context.Context, req proto.Message) (*testv1.Thing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	f.request = req
	f.method, _ = grpc.Method(ctx)
	f.metadata, _ = metadata.FromIncomingContext(ctx)
	f.deadline = 0
	if d, ok := ctx.Deadline(); ok {
		f.deadline = time.Until(d)
	}
	if f.during != nil {
		f.during()
	}
	if f.header != nil {
		if err := grpc.SetHeader(ctx, f.header); err != nil {
			return nil, err
		}
	}
	if f.err != nil {
		return nil, f.err
	}
	if f.answer != nil {
		return f.answer, nil
	}
	return &testv1.Thing{Id: "t", Name: wrapperspb.String("<n>"), CreatedAtMillis: 1.7e12}, nil
}

func (f *fakeThings) GetOwnThing(ctx context.Context, r *testv1.GetOwnThingRequest) (*testv1.Thing, error) {
	return f.note(ctx, r)
}

func (f *fakeThings) GetThing(ctx context.Context, r *testv1.GetThingRequest) (*testv1.Thing, error) {
	return f.note(ctx, r)
}

func (f *fakeThings) ListThings(ctx context.Context, r *testv1.ListThingsRequest) (*testv1.ListThingsResponse, error) {
	thing, err := f.note(ctx, r)
	return &testv1.ListThingsResponse{Items: []*testv1.Thing{thing}}, err
}

func (f *fakeThings) CreateThing(ctx context.Context, r *testv1.CreateThingRequest) (*testv1.Thing, error) {
	return f.note(ctx, r)
}

func (f *fakeThings) UpdateThing(ctx context.Context, r *testv1.UpdateThingRequest) (*testv1.Thing, error) {
	return f.note(ctx, r)
}

func (f *fakeThings) DeleteThing(ctx context.Context, r *testv1.DeleteThingRequest) (*testv1.Thing, error) {
	return f.note(ctx, r)
}

func (f *fakeThings) TouchThing(ctx context.Context, r *testv1.TouchThingRequest) (*testv1.Thing, error) {
	return f.note(ctx, r)
}

func (f *fakeThings) ExchangeThing(ctx context.Context, r *testv1.ExchangeThingRequest) (*testv1.Thing, error) {
	return f.note(ctx, r)
}

func (f *fakeThings) DownloadThing(ctx context.Context, r *testv1.DownloadThingRequest) (*httpbody.HttpBody, error) {
	_, err := f.note(ctx, r)
	if f.body == nil {
		return &httpbody.HttpBody{}, err
	}
	return f.body, err
}

// called is what the service saw of a principal.
func (r *rig) called() principal.Principal {
	r.t.Helper()
	tokens := r.things.metadata[principal.MetadataPrincipal]
	if len(tokens) != 1 {
		r.t.Fatalf("%d principals reached the service", len(tokens))
	}
	p, err := r.verifier.Verify(tokens[0])
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// request is a request under construction. Its headers are named without
// prefix and sent in the X-Hexclave spelling, unless they begin with a dash.
type request struct {
	method, path, body string
	headers            map[string]string
}

func (r *rig) do(q request) *httptest.ResponseRecorder {
	r.t.Helper()
	if q.method == "" {
		q.method = http.MethodGet
	}
	if q.path == "" {
		q.path = "/api/v1/things/me"
	}
	req := httptest.NewRequest(q.method, q.path, strings.NewReader(q.body))
	if q.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range q.headers {
		if plain, ok := strings.CutPrefix(name, "-"); ok {
			req.Header.Set(plain, value)
			continue
		}
		req.Header.Set("X-Hexclave-"+name, value)
	}
	w := httptest.NewRecorder()
	r.gateway.ServeHTTP(w, req)
	return w
}

// client, server and admin are the headers of the access types; more adds to
// or replaces them.
func client(more ...string) map[string]string {
	return with(map[string]string{"Access-Type": "client", "Project-Id": projectA}, more...)
}

func server(more ...string) map[string]string {
	return with(map[string]string{"Access-Type": "server", "Project-Id": projectA, "Secret-Server-Key": serverKey}, more...)
}

func admin(more ...string) map[string]string {
	return with(map[string]string{"Access-Type": "admin", "Project-Id": projectA, "Super-Secret-Admin-Key": adminKey}, more...)
}

func with(h map[string]string, more ...string) map[string]string {
	changed := map[string]string{}
	maps.Copy(changed, h)
	for i := 0; i < len(more); i += 2 {
		changed[more[i]] = more[i+1]
	}
	return changed
}

// claims are those of a plain user of project A; change adapts them.
func (r *rig) claims(change ...func(jwt.MapClaims)) jwt.MapClaims {
	now := r.clock.Now().Unix()
	c := jwt.MapClaims{
		"iss": publicURL + "/api/v1/projects/" + projectA, "aud": projectA, "sub": userA,
		"iat": now, "exp": now + 600, "project_id": projectA, "branch_id": "main",
		"refresh_token_id": sessionA, "role": "authenticated", "name": nil, "email": "a@example.com",
		"email_verified": true, "selected_team_id": nil, "signed_up_at": now,
		"is_anonymous": false, "is_restricted": false, "restricted_reason": nil, "requires_totp_mfa": false,
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func anonymous(c jwt.MapClaims) {
	c["aud"] = projectA + ":anon"
	c["iss"] = publicURL + "/api/v1/projects-anonymous-users/" + projectA
	c["is_anonymous"], c["is_restricted"] = true, true
	c["restricted_reason"] = map[string]any{"type": "anonymous"}
}

func restricted(c jwt.MapClaims) {
	c["aud"] = projectA + ":restricted"
	c["iss"] = publicURL + "/api/v1/projects-restricted-users/" + projectA
	c["is_restricted"] = true
	c["restricted_reason"] = map[string]any{"type": "email_not_verified"}
}

func ofProject(id string) func(jwt.MapClaims) {
	return func(c jwt.MapClaims) {
		c["aud"], c["project_id"] = id, id
		c["iss"] = publicURL + "/api/v1/projects/" + id
	}
}

// sign signs with the current key of the audience.
func (r *rig) sign(c jwt.MapClaims) string {
	audience, _ := c["aud"].(string)
	keys := r.sessions.keys[audience]
	if len(keys) == 0 {
		keys = r.sessions.keys[projectA]
	}
	return r.signWith(keys[0], c, nil)
}

func (r *rig) signWith(k signingKey, c jwt.MapClaims, header map[string]any) string {
	r.t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, c)
	token.Header = map[string]any{"alg": "ES256", "kid": k.kid}
	maps.Copy(token.Header, header)
	text, err := token.SignedString(k.key)
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

func (r *rig) token(change ...func(jwt.MapClaims)) string { return r.sign(r.claims(change...)) }

// code returns the known-error code of an answer, or its status and text. It
// checks what all errors have in common.
func code(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	known := w.Header().Get("X-Hexclave-Known-Error")
	if known != w.Header().Get("X-Stack-Known-Error") {
		t.Errorf("the two known-error headers differ")
	}
	if known == "" {
		return ""
	}
	var body struct {
		Code, Error string
		Details     *map[string]any
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Code != known || body.Error == "" {
		t.Errorf("body %s does not go with header %s: %v", w.Body, known, err)
	}
	if body.Details != nil && len(*body.Details) == 0 {
		t.Errorf("empty details were sent")
	}
	return known
}

type lockedBuffer struct {
	mu sync.Mutex
	strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Builder.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Builder.String()
}

var _ io.Writer = (*lockedBuffer)(nil)
