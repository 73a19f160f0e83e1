package grpcx_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/principal"
)

func signed(t *testing.T, h *grpctest.Harness, p principal.Principal) string {
	t.Helper()
	token, err := h.Signer.Sign(p)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func callerToken(t *testing.T, service string) string {
	t.Helper()
	s, err := principal.NewCallerSigner(clock.System(), service, grpctest.CallerKey)
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Token()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestAuthorize_methodByCaller_followsPolicy(t *testing.T) {
	h := grpctest.New(t, "echo", handler(echo).register("EchoService", "EchoInternalService"))
	conn := h.Raw()
	type credentials struct {
		principal *principal.Principal
		caller    string
	}
	callers := map[string]credentials{
		"stranger":               {},
		"nobody":                 {principal: &nobody},
		"client":                 {principal: &client},
		"member":                 {principal: &member},
		"backend":                {principal: &backend},
		"admin":                  {principal: &admin},
		"identity":               {caller: "identity"},
		"payments":               {caller: "payments"},
		"identity for a member":  {principal: &member, caller: "identity"},
		"payments for the admin": {principal: &admin, caller: "payments"},
	}
	const ok, who, no, bad = codes.OK, codes.Unauthenticated, codes.PermissionDenied, codes.InvalidArgument
	for method, want := range map[string]map[string]codes.Code{
		"EchoService/All": {
			"stranger": who, "nobody": who, "client": ok, "member": ok, "backend": ok, "admin": ok,
			"identity": who, "payments": who, "identity for a member": ok, "payments for the admin": ok,
		},
		"EchoService/Server": {
			"stranger": who, "nobody": who, "client": no, "member": no, "backend": ok, "admin": ok,
			"identity": who, "payments": who, "identity for a member": no, "payments for the admin": ok,
		},
		"EchoService/Public": {
			"stranger": who, "nobody": ok, "client": ok, "member": ok, "backend": no, "admin": no,
			"identity": who, "payments": who, "identity for a member": ok, "payments for the admin": no,
		},
		"EchoService/User": {
			"stranger": who, "nobody": who, "client": bad, "member": ok, "backend": no, "admin": no,
			"identity": who, "payments": who, "identity for a member": ok, "payments for the admin": no,
		},
		"EchoInternalService/Inside": {
			"stranger": who, "nobody": who, "client": who, "member": who, "backend": who, "admin": who,
			"identity": ok, "payments": no, "identity for a member": ok, "payments for the admin": no,
		},
	} {
		for name, c := range callers {
			md := metadata.MD{}
			if c.principal != nil {
				md.Set(principal.MetadataPrincipal, signed(t, h, *c.principal))
			}
			if c.caller != "" {
				md.Set(principal.MetadataCaller, callerToken(t, c.caller))
			}
			_, err := call(metadata.NewOutgoingContext(t.Context(), md), conn, method, request(t, ""))
			if got := status.Code(err); got != want[name] {
				t.Errorf("%s as %s: %v, want %v", method, name, got, want[name])
			}
		}
	}
}

func TestAuthorize_wrongAccess_namesWhatIsAccepted(t *testing.T) {
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"))
	_, err := call(grpctest.As(t.Context(), client), h.Conn, "EchoService/Server", request(t, ""))
	e, ok := errors.AsType[*apierr.Error](err)
	if !ok || e.Code != apierr.CodeInsufficientAccessType || fmt.Sprint(e.Details["allowed_access_types"]) != "[server admin]" {
		t.Errorf("%#v", err)
	}
	_, err = call(grpctest.As(t.Context(), nobody), h.Conn, "EchoService/All", request(t, ""))
	if !apierr.HasCode(err, apierr.CodeAccessTypeRequired) {
		t.Error(err)
	}
}

func TestAuthenticate_forged_isRefusedWithoutAReason(t *testing.T) {
	h := grpctest.New(t, "echo", func(r grpc.ServiceRegistrar) {
		handler(func(context.Context, string, string) (string, error) {
			t.Error("a handler was reached")
			return "", nil
		}).register("EchoService", "EchoInternalService")(r)
	})
	conn := h.Raw()
	_, otherKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := principal.NewSigner(clock.System(), otherKey)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.Sign(admin)
	if err != nil {
		t.Fatal(err)
	}
	good := signed(t, h, admin)
	parts := strings.Split(good, ".")
	claims := jwt.MapClaims{
		"iss": "vestibule-principal", "aud": "vestibule-principal", "iat": time.Now().Unix(), "exp": time.Now().Unix() + 60,
		"pid": "p", "bid": "main", "acc": "admin",
	}
	hs := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	hs.Header["typ"] = "principal+jwt"
	confused, err := hs.SignedString([]byte(h.Signer.PublicKey()))
	if err != nil {
		t.Fatal(err)
	}
	none := jwt.NewWithClaims(jwt.SigningMethodNone, claims)
	none.Header["typ"] = "principal+jwt"
	unsigned, err := none.SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := principal.NewCallerSigner(clock.System(), "identity", "another key that is long enough!")
	if err != nil {
		t.Fatal(err)
	}
	foreignCaller, err := weak.Token()
	if err != nil {
		t.Fatal(err)
	}
	const name, caller = principal.MetadataPrincipal, principal.MetadataCaller
	for what, md := range map[string]metadata.MD{
		"other key":                {name: {foreign}},
		"alg none":                 {name: {unsigned}},
		"HS256 with public key":    {name: {confused}},
		"signature of another":     {name: {parts[0] + "." + parts[1] + "." + strings.Split(foreign, ".")[2]}},
		"payload of another":       {name: {parts[0] + "." + strings.Split(foreign, ".")[1] + "." + parts[2] + "A"}},
		"caller as principal":      {name: {callerToken(t, "identity")}},
		"principal as caller":      {name: {good}, caller: {good}},
		"twice":                    {name: {good, good}},
		"one good, one forged":     {name: {good, foreign}},
		"caller of another key":    {name: {good}, caller: {foreignCaller}},
		"caller twice":             {name: {good}, caller: {callerToken(t, "identity"), callerToken(t, "teams")}},
		"in authorization":         {"authorization": {"Bearer " + good}},
		"under an HTTP name":       {"x-vestibule-principal": {good}},
		"under the gateway's name": {"grpcgateway-vestibule-principal": {good}},
		"binary":                   {"vestibule-principal-bin": {good}},
		"underscores":              {"vestibule_principal": {good}},
		"claims as metadata":       {"vestibule-project-id": {"p"}, "vestibule-access": {"admin"}, "vestibule-user-id": {"u"}},
		"wishful caller":           {"vestibule-caller-name": {"identity"}, "user-agent": {"identity"}},
	} {
		for _, method := range []string{"EchoService/All", "EchoService/Server", "EchoInternalService/Inside"} {
			_, err := call(metadata.NewOutgoingContext(t.Context(), md), conn, method, request(t, ""))
			if status.Code(err) != codes.Unauthenticated {
				t.Errorf("%s: %s: %v", what, method, err)
			}
			if text := status.Convert(err).Message(); strings.Contains(text, "key") || strings.Contains(text, "signature") {
				t.Errorf("%s: %s tells why: %s", what, method, text)
			}
		}
	}
	if h.Log.Contains(good) || h.Log.Contains(foreign) || h.Log.Contains(confused) {
		t.Error("a token was logged")
	}
}

func TestAuthenticate_expired_isRefused(t *testing.T) {
	now := clock.NewFake(time.Now())
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := principal.NewSigner(now, key)
	if err != nil {
		t.Fatal(err)
	}
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"), func(cfg *grpcx.ServerConfig) {
		if cfg.Verifier, err = principal.NewVerifier(now, signer.PublicKey()); err != nil {
			t.Fatal(err)
		}
	})
	token, err := signer.Sign(admin)
	if err != nil {
		t.Fatal(err)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), principal.MetadataPrincipal, token)
	conn := h.Raw()
	if _, err := call(ctx, conn, "EchoService/All", request(t, "")); err != nil {
		t.Fatal(err)
	}
	now.Advance(principal.MaxLife)
	if _, err := call(ctx, conn, "EchoService/All", request(t, "")); status.Code(err) != codes.Unauthenticated {
		t.Error(err)
	}
	if !h.Log.Contains("expired") {
		t.Error("the log does not say why")
	}
}

func TestAuthenticate_infrastructureFault_isNotTheCallersFault(t *testing.T) {
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"))
	_, err := call(t.Context(), h.Conn, "EchoService/All", request(t, ""))
	if e, ok := errors.AsType[*apierr.Error](err); !ok || e.HTTP != 500 {
		t.Errorf("a missing principal shows as %v", err)
	}
}

func TestValidate_problems_areAllNamed(t *testing.T) {
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"))
	_, err := call(grpctest.As(t.Context(), client), h.Conn, "EchoService/User",
		request(t, `text: "far too long" user_id: "me" inner { count: 1 } inner { count: -1 }`))
	e, ok := errors.AsType[*apierr.Error](err)
	if !ok || e.Code != apierr.CodeSchemaError {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{
		"\n  - text must be at most 8 characters",
		"\n  - user_id must be a valid UUID",
		"\n  - inner[1].count must be greater than or equal to 0",
		"\n  - user: ",
	} {
		if !strings.Contains(e.Message, want) {
			t.Errorf("%q missing in %s", want, e.Message)
		}
	}
	if strings.Contains(e.Message, "inner[0]") {
		t.Error(e.Message)
	}
	if e.Details["message"] != e.Message {
		t.Errorf("details %v", e.Details)
	}
	if _, err := call(grpctest.As(t.Context(), member), h.Conn, "EchoService/User",
		request(t, `text: "short" user_id: "0b4b0d6c-5a53-4b5b-9d5c-0f3f2b0d8a11"`)); err != nil {
		t.Error(err)
	}
}
