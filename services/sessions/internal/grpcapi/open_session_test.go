package grpcapi_test

import (
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
)

func TestOpenSession_callers_mustBeServers(t *testing.T) {
	s := newSystem(t)
	request := &sessionsv1.OpenSessionRequest{UserId: userID, IsImpersonation: proto.Bool(true)}
	for access, allowed := range map[principal.Access]bool{
		principal.AccessClient: false, principal.AccessServer: true, principal.AccessAdmin: true,
	} {
		_, err := s.sessions.OpenSession(as(t.Context(), access, ""), request)
		if allowed && err != nil || !allowed && !apierr.HasCode(err, apierr.CodeInsufficientAccessType) {
			t.Errorf("%s: %v", access, err)
		}
	}
	// Who impersonates a user is the business of admins.
	for access, want := range map[principal.Access]int{principal.AccessServer: 0, principal.AccessAdmin: 2} {
		list, err := s.sessions.ListSessions(as(t.Context(), access, ""), &sessionsv1.ListSessionsRequest{UserId: userID})
		if err != nil || len(list.GetItems()) != want {
			t.Errorf("%s sees %v, %v", access, list, err)
		}
	}
}

func TestOpenSession_lifetime_isBounded(t *testing.T) {
	s := newSystem(t)
	ctx := as(t.Context(), principal.AccessServer, "")
	for millis, allowed := range map[float64]bool{
		31_708_800_000: true, 31_708_800_001: false, 1: true, 0.5: true, 0: true, -1: true, -1e300: true, math.Inf(1): false, math.NaN(): false,
	} {
		_, err := s.sessions.OpenSession(ctx, &sessionsv1.OpenSessionRequest{UserId: userID, ExpiresInMillis: &millis})
		if allowed && err != nil || !allowed && !apierr.HasCode(err, apierr.CodeSchemaError) {
			t.Errorf("%v: %v", millis, err)
		}
	}
}
