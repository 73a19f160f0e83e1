package grpcx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/grpcx"
)

func TestToStatus_everyKnownError_survives(t *testing.T) {
	samples := map[apierr.Kind]any{
		apierr.String: "text ü", apierr.Int: float64(7), apierr.Number: 1.5, apierr.Bool: true,
		apierr.Strings: []any{"a", "b"}, apierr.Array: []any{map[string]any{"a": nil}}, apierr.Reason: map[string]any{"type": "anonymous"},
	}
	for _, spec := range apierr.Catalog() {
		want := &apierr.Error{Code: spec.Code, HTTP: spec.HTTP, Message: spec.Message}
		for _, d := range spec.Details {
			if want.Details == nil {
				want.Details = map[string]any{}
			}
			want.Details[d.Name] = samples[d.Kind]
			if d.Nullable {
				want.Details[d.Name] = nil
			}
		}
		checkRoundTrip(t, want, codes.Code(spec.GRPC))
	}
}

func TestToStatus_otherFormats_survive(t *testing.T) {
	checkRoundTrip(t, apierr.Text(404, "No such thing."), codes.NotFound)
	checkRoundTrip(t, apierr.OAuth(400, "invalid_grant", "The code was used."), codes.InvalidArgument)
	checkRoundTrip(t, apierr.Unavailable(1e9), codes.Unavailable)
	checkRoundTrip(t, apierr.TooManyRequests(1e9), codes.ResourceExhausted)
	empty := apierr.UserNotFound()
	empty.Details = map[string]any{}
	checkRoundTrip(t, empty, codes.NotFound)
}

// What says when to come back says it to every client.
func TestToStatus_retryAfter_isStandardToo(t *testing.T) {
	for _, e := range []*apierr.Error{apierr.TooManyRequests(7e9), apierr.Unavailable(7e9)} {
		var delay time.Duration
		for _, detail := range grpcx.ToStatus(e).Details() {
			if info, ok := detail.(*errdetails.RetryInfo); ok {
				delay = info.GetRetryDelay().AsDuration()
			}
		}
		if delay != 7*time.Second {
			t.Errorf("%s says to come back after %v", e, delay)
		}
	}
}

func checkRoundTrip(t *testing.T, want *apierr.Error, code codes.Code) {
	t.Helper()
	st := grpcx.ToStatus(fmt.Errorf("use case: %w", want))
	if st.Code() != code {
		t.Errorf("%s travels as %v, want %v", want, st.Code(), code)
	}
	if got := grpcx.FromStatus(fmt.Errorf("call: %w", st.Err())); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
}

func TestToStatus_nothing_isNothing(t *testing.T) {
	if st := grpcx.ToStatus(nil); st.Err() != nil {
		t.Error(st)
	}
	if e := grpcx.FromStatus(nil); e != nil {
		t.Error(e)
	}
}

func TestToStatus_unsendableDetails_failClosed(t *testing.T) {
	bad := apierr.UserNotFound()
	bad.Details = map[string]any{"channel": make(chan int)}
	st := grpcx.ToStatus(bad)
	if st.Code() != codes.Internal {
		t.Error(st)
	}
}

func TestFromStatus_otherFailures_becomeFixedSentences(t *testing.T) {
	for code, http := range map[codes.Code]int{
		codes.Unavailable:       503,
		codes.DeadlineExceeded:  503,
		codes.Canceled:          503,
		codes.Internal:          500,
		codes.Unknown:           500,
		codes.Unimplemented:     500,
		codes.Unauthenticated:   500,
		codes.PermissionDenied:  500,
		codes.ResourceExhausted: 500,
	} {
		cause := status.Error(code, "dial tcp 10.0.0.7:9000: hush")
		e := grpcx.FromStatus(cause)
		if e.HTTP != http || e.Format != apierr.FormatText || contains(errors.New(e.Message), "hush") || !errors.Is(e, cause) {
			t.Errorf("%v: %#v", code, e)
		}
		if (http == 503) != (e.Header["Retry-After"] != "") {
			t.Errorf("%v: headers %v", code, e.Header)
		}
	}
	if e := grpcx.FromStatus(io.ErrUnexpectedEOF); e.HTTP != 500 {
		t.Errorf("%#v", e)
	}
	known := apierr.UserNotFound()
	if e := grpcx.FromStatus(fmt.Errorf("already: %w", known)); e != known {
		t.Errorf("%#v", e)
	}
}

func TestChain_errorOfAnotherService_passesUnchanged(t *testing.T) {
	want := apierr.UserEmailAlreadyExists("a@example.com", true)
	inner := grpctest.New(t, "identity", handler(func(context.Context, string, string) (string, error) { return "", want }).register("EchoService"))
	outer := grpctest.New(t, "teams", handler(func(ctx context.Context, _, text string) (string, error) {
		return call(ctx, inner.Dial(grpcx.ClientConfig{Signer: inner.Signer}), "EchoService/All", request(t, ""))
	}).register("EchoService"))
	_, err := call(grpctest.As(t.Context(), client), outer.Conn, "EchoService/All", request(t, ""))
	if !reflect.DeepEqual(err, error(want)) {
		t.Errorf("got  %#v\nwant %#v", err, want)
	}
}
