package gateway

import (
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"vestibule.dev/pkg/principal"
)

// A signature costs more than everything else at the edge together, so a
// caller pays for it once.
func TestServe_sameToken_verifiesAndSignsOnce(t *testing.T) {
	r := newRig(t)
	q := request{headers: client("Access-Token", r.token())}
	r.do(q)
	first := r.things.metadata[principal.MetadataPrincipal][0]
	verified, asked, keys := r.gateway.tokens.Verifications(), r.identity.asked, r.sessions.asked
	for range 100 {
		if w := r.do(q); w.Code != 200 {
			t.Fatal(w.Body)
		}
		if got := r.things.metadata[principal.MetadataPrincipal][0]; got != first {
			t.Fatal("another principal was signed")
		}
	}
	if n := r.gateway.tokens.Verifications() - verified; n != 0 {
		t.Errorf("%d signatures were verified for a token seen before", n)
	}
	if r.identity.asked != asked || r.sessions.asked != keys {
		t.Errorf("%d look-ups of the project and %d of keys", r.identity.asked-asked, r.sessions.asked-keys)
	}
}

func TestServe_changedProject_isSeenByTheNextRequest(t *testing.T) {
	r := newRig(t)
	r.do(request{headers: server()})
	// The service that makes the change says so before its answer goes out.
	r.things.header = metadata.Pairs("vestibule-project-changed", projectA)
	r.things.during = func() {
		r.identity.mu.Lock()
		defer r.identity.mu.Unlock()
		r.identity.projects[projectA].ConfigVersion = 8
		r.identity.projects[projectA].KeySets = nil
	}
	r.do(request{headers: client()})
	r.things.header, r.things.during = nil, nil
	if w := r.do(request{headers: server()}); code(t, w) != "INVALID_SECRET_SERVER_KEY" {
		t.Errorf("a revoked key was accepted: %d", w.Code)
	}
	if w := r.do(request{headers: client()}); w.Code != 200 || r.called().ConfigVersion != 8 {
		t.Errorf("the old version was used")
	}
	// Word from another gateway comes by message; without it, time heals.
	r.identity.projects[projectA].ConfigVersion = 9
	r.gateway.projects.Drop(projectA)
	if r.do(request{headers: client()}); r.called().ConfigVersion != 9 {
		t.Error("a dropped project was still cached")
	}
	r.identity.projects[projectA].ConfigVersion = 10
	r.clock.Advance(11 * time.Second)
	if r.do(request{headers: client()}); r.called().ConfigVersion != 10 {
		t.Error("a project was cached for more than ten seconds")
	}
}

func TestServe_unknownProjects_areAskedForOnceAWhile(t *testing.T) {
	r := newRig(t)
	for range 50 {
		r.do(request{headers: client("Project-Id", "nope")})
	}
	if r.identity.asked != 1 {
		t.Errorf("identity was asked %d times", r.identity.asked)
	}
}

func TestServe_identityDown_is503(t *testing.T) {
	r := newRig(t)
	r.identity.err = errDown
	w := r.do(request{headers: client()})
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
