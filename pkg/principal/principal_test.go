package principal_test

import (
	"context"
	"testing"

	"vestibule.dev/pkg/principal"
)

func TestFromContext_nothingCarried_isNotOK(t *testing.T) {
	ctx := context.Background()
	if p, ok := principal.FromContext(ctx); ok || p != (principal.Principal{}) {
		t.Errorf("principal %+v, ok %v", p, ok)
	}
	if principal.TokenFromContext(ctx) != "" || principal.CallerFromContext(ctx) != "" {
		t.Error("a token or caller out of nowhere")
	}
	if r := principal.RequestFromContext(ctx); r != (principal.Request{}) {
		t.Errorf("request %+v", r)
	}
}

func TestNewContext_otherPrincipal_dropsToken(t *testing.T) {
	ctx := principal.NewVerifiedContext(context.Background(), member, "token")
	if principal.TokenFromContext(ctx) != "token" {
		t.Fatal("token lost")
	}
	other := member
	other.UserID = "other"
	ctx = principal.NewContext(ctx, other)
	if got := principal.TokenFromContext(ctx); got != "" {
		t.Errorf("token %q proves another principal than the context carries", got)
	}
	if p, ok := principal.FromContext(ctx); !ok || p != other {
		t.Errorf("principal %+v", p)
	}
}

func TestAccess_kinds_areTold(t *testing.T) {
	for access, want := range map[principal.Access]struct{ valid, trusted bool }{
		principal.AccessNone:   {true, false},
		principal.AccessClient: {true, false},
		principal.AccessServer: {true, true},
		principal.AccessAdmin:  {true, true},
		"root":                 {false, false},
		"Client":               {false, false},
	} {
		if access.Valid() != want.valid || access.Trusted() != want.trusted {
			t.Errorf("%q: valid %v, trusted %v", access, access.Valid(), access.Trusted())
		}
	}
}
