package apierr_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
)

func TestIs_sameCodeAndStatus_ignoresDetails(t *testing.T) {
	wrapped := fmt.Errorf("update team: %w", apierr.TeamNotFound("a"))
	if !errors.Is(wrapped, apierr.TeamNotFound("b")) {
		t.Error("the same code with other details does not match")
	}
	for _, other := range []error{
		apierr.UserNotFound(), apierr.Text(404, "gone"), errors.New("TEAM_NOT_FOUND"),
		&apierr.Error{Code: apierr.CodeTeamNotFound, HTTP: 400},
	} {
		if errors.Is(wrapped, other) {
			t.Errorf("matches %v", other)
		}
	}
}

func TestWithCause_original_staysWithoutCause(t *testing.T) {
	cause := errors.New("connection refused by 10.0.0.7")
	plain := apierr.UserNotFound()
	e := plain.WithCause(cause)
	if !errors.Is(e, cause) || errors.Is(plain, cause) {
		t.Error("the cause is on the wrong error")
	}
	if strings.Contains(e.Error(), "10.0.0.7") {
		t.Errorf("Error() shows the cause: %s", e)
	}
}

func TestLogValue_detailsWithSecret_areLeftOut(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	e := apierr.MultiFactorAuthenticationRequired("top-secret-code").WithCause(errors.New("root cause"))
	log.Info("answered", "err", e)
	if strings.Contains(out.String(), "top-secret-code") {
		t.Errorf("the log shows the details: %s", out.String())
	}
	for _, want := range []string{apierr.CodeMultiFactorAuthenticationRequired, "status=400", "root cause"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %q: %s", want, out.String())
		}
	}
}

func TestError_text_namesCodeOrStatus(t *testing.T) {
	for _, tc := range []struct {
		err  *apierr.Error
		want string
	}{
		{apierr.UserNotFound(), "USER_NOT_FOUND: There is no such user."},
		{apierr.Text(403, "Not yours."), "403: Not yours."},
		{apierr.OAuth(400, "invalid_grant", "The code was used."), "invalid_grant: The code was used."},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}

func TestRetryAfter_anyDuration_roundsUpToSeconds(t *testing.T) {
	for _, tc := range []struct {
		after time.Duration
		want  string
	}{
		{0, "1"}, {-time.Second, "1"}, {time.Millisecond, "1"}, {time.Second, "1"},
		{1001 * time.Millisecond, "2"}, {time.Minute, "60"},
	} {
		if got := apierr.Unavailable(tc.after).Header["Retry-After"]; got != tc.want {
			t.Errorf("Unavailable(%v): %q, want %q", tc.after, got, tc.want)
		}
		if got := apierr.TooManyRequests(tc.after).Header["Retry-After"]; got != tc.want {
			t.Errorf("TooManyRequests(%v): %q, want %q", tc.after, got, tc.want)
		}
	}
	if s := apierr.Unavailable(0).HTTP; s != 503 {
		t.Errorf("Unavailable is %d", s)
	}
	if s := apierr.TooManyRequests(0).HTTP; s != 429 {
		t.Errorf("TooManyRequests is %d", s)
	}
}

func TestHasCodeAndInFamily_wrapped_look(t *testing.T) {
	err := fmt.Errorf("refresh: %w", apierr.CannotDeleteCurrentSession())
	if !apierr.HasCode(err, apierr.CodeCannotDeleteCurrentSession) || apierr.HasCode(err, apierr.CodeUserNotFound) {
		t.Error("HasCode is wrong")
	}
	if !apierr.InFamily(err, apierr.FamilyRefreshTokenError) || apierr.InFamily(err, apierr.FamilyVerificationError) {
		t.Error("InFamily is wrong")
	}
	if !apierr.InFamily(apierr.UnparsableAdminAccessToken(), apierr.FamilyProjectAuthenticationError) {
		t.Error("a grandparent family does not match")
	}
	for _, other := range []error{nil, errors.New("x"), apierr.Text(401, "x"), apierr.OAuth(400, apierr.CodeProviderRejected, "x")} {
		if apierr.HasCode(other, apierr.CodeProviderRejected) || apierr.InFamily(other, apierr.FamilyRefreshTokenError) {
			t.Errorf("%v looks like a known error", other)
		}
	}
}

func TestGRPC_outsideCatalog_followsStatus(t *testing.T) {
	for status, want := range map[int]uint32{
		400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 409: 9, 413: 8, 429: 8, 500: 13, 501: 12, 502: 13, 503: 14, 504: 4, 302: 2,
	} {
		if got := apierr.Text(status, "x").GRPC(); got != want {
			t.Errorf("%d: %d, want %d", status, got, want)
		}
	}
	if got := apierr.OAuth(400, apierr.CodeUserNotFound, "x").GRPC(); got != 3 {
		t.Errorf("an OAuth error uses the catalogue: %d", got)
	}
}

func TestSchemaError_severalProblems_listsEach(t *testing.T) {
	e := apierr.SchemaErrorAt("PATCH", "/api/v1/users/me", "body.display_name must be a string", "body.x is unknown")
	want := "The request does not match what PATCH /api/v1/users/me accepts:\n  - body.display_name must be a string\n  - body.x is unknown"
	if e.Message != want || e.Details["message"] != want {
		t.Errorf("got %q, details %q", e.Message, e.Details["message"])
	}
}

func TestNameEndpoint_schemaErrorWithout_getsIt(t *testing.T) {
	for _, problems := range [][]string{nil, {"query.cursor: needs a limit"}} {
		want := apierr.SchemaErrorAt("GET", "/api/v1/teams", problems...)
		got, ok := errors.AsType[*apierr.Error](apierr.NameEndpoint(apierr.SchemaError(problems...), "GET", "/api/v1/teams"))
		if !ok || got.Code != want.Code || got.Message != want.Message || got.Details["message"] != want.Message {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	for _, err := range []error{nil, errors.New("x"), apierr.UserNotFound(), apierr.SchemaErrorAt("GET", "/api/v1/users/me", "x")} {
		if got := apierr.NameEndpoint(err, "GET", "/api/v1/teams"); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}
