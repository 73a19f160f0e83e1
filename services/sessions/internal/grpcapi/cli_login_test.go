package grpcapi_test

import (
	"net/http"
	"regexp"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/principal"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
)

func TestCLILogins_life_fromBeginToUse(t *testing.T) {
	s := newSystem(t)
	logins := sessionsv1.NewCliLoginServiceClient(s.Conn)
	ctx := as(t.Context(), principal.AccessClient, "")
	begun, err := logins.BeginCliLogin(ctx, &sessionsv1.BeginCliLoginRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(begun.GetExpiresAt()) {
		t.Errorf("expires at %q", begun.GetExpiresAt())
	}
	poll := func() (*sessionsv1.PollCliLoginResponse, []string) {
		t.Helper()
		var header metadata.MD
		res, err := logins.PollCliLogin(ctx, &sessionsv1.PollCliLoginRequest{PollingCode: begun.GetPollingCode()}, grpc.Header(&header))
		if err != nil {
			t.Fatal(err)
		}
		return res, header.Get(grpcx.HeaderHTTPStatus)
	}
	if res, status := poll(); res.GetStatus() != "waiting" || res.RefreshToken != nil || len(status) != 0 {
		t.Errorf("%v with status %v", res, status)
	}
	checked, err := logins.CompleteCliLogin(ctx, &sessionsv1.CompleteCliLoginRequest{LoginCode: begun.GetLoginCode(), Mode: proto.String("check")})
	if err != nil || !proto.Equal(checked, &sessionsv1.CompleteCliLoginResponse{CliSessionState: proto.String("none")}) {
		t.Errorf("checked %v, %v", checked, err)
	}
	_, err = logins.CompleteCliLogin(ctx, &sessionsv1.CompleteCliLoginRequest{LoginCode: begun.GetLoginCode(), Mode: proto.String("claim-anon-session")})
	checkError(t, err, apierr.Text(http.StatusBadRequest, ""))
	_, err = logins.CompleteCliLogin(ctx, &sessionsv1.CompleteCliLoginRequest{LoginCode: begun.GetLoginCode()})
	checkError(t, err, apierr.Text(http.StatusBadRequest, ""))

	opened := s.open(t)
	completed, err := logins.CompleteCliLogin(ctx, &sessionsv1.CompleteCliLoginRequest{
		LoginCode: begun.GetLoginCode(), Mode: proto.String("complete"), RefreshToken: proto.String(opened.GetRefreshToken()),
	})
	if err != nil || !proto.Equal(completed, &sessionsv1.CompleteCliLoginResponse{Success: proto.Bool(true)}) {
		t.Errorf("completed %v, %v", completed, err)
	}
	if res, status := poll(); res.GetStatus() != "success" || res.GetRefreshToken() != opened.GetRefreshToken() || len(status) != 1 || status[0] != "201" {
		t.Errorf("%v with status %v", res, status)
	}
	if res, status := poll(); res.GetStatus() != "used" || res.RefreshToken != nil || len(status) != 0 {
		t.Errorf("%v with status %v", res, status)
	}
}

func TestCLILogins_requests_areValidated(t *testing.T) {
	s := newSystem(t)
	logins := sessionsv1.NewCliLoginServiceClient(s.Conn)
	ctx := as(t.Context(), principal.AccessClient, "")
	for millis, allowed := range map[float64]bool{86_400_000: true, 86_400_001: false, 1: true, 0: true, -1e300: true} {
		_, err := logins.BeginCliLogin(ctx, &sessionsv1.BeginCliLoginRequest{ExpiresInMillis: &millis})
		if allowed && err != nil || !allowed && !apierr.HasCode(err, apierr.CodeSchemaError) {
			t.Errorf("%v: %v", millis, err)
		}
	}
	if _, err := logins.CompleteCliLogin(ctx, &sessionsv1.CompleteCliLoginRequest{Mode: proto.String("other")}); !apierr.HasCode(err, apierr.CodeSchemaError) {
		t.Errorf("mode: %v", err)
	}
	_, err := logins.PollCliLogin(ctx, &sessionsv1.PollCliLoginRequest{PollingCode: "x"})
	checkError(t, err, apierr.InvalidPollingCode())
}
