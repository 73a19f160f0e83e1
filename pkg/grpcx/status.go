package grpcx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"vestibule.dev/pkg/apierr"
	errorsv1 "vestibule.dev/proto/errors/v1"
)

// internalSentence is all a caller learns of an unforeseen failure. The
// gateway adds the request id, by which the log can be searched.
const internalSentence = "Something went wrong on our side. Please try again later."

// refusal is an error of the chain itself. It overrides the status code the
// known error would have, or has no known error at all, when the peer and not
// the person behind it is to blame.
type refusal struct {
	code     codes.Code
	known    *apierr.Error
	sentence string
}

func (r *refusal) Error() string {
	if r.known != nil {
		return r.known.Error()
	}
	return r.sentence
}

// ToStatus converts an error into the status that carries it to another
// process. Anything but an *apierr.Error becomes a fixed internal error, so
// that nothing unforeseen reaches a caller; log it before.
func ToStatus(err error) *status.Status {
	st, _ := toStatus(context.Background(), err)
	return st
}

// toStatus also reports whether the error was unforeseen.
func toStatus(ctx context.Context, err error) (st *status.Status, unforeseen bool) {
	if err == nil {
		return nil, false
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		if r.known == nil {
			return status.New(r.code, r.sentence), false
		}
		return knownStatus(r.code, r.known)
	}
	if e, ok := errors.AsType[*apierr.Error](err); ok {
		st, broken := knownStatus(codes.Code(e.GRPC()), e)
		return st, broken || e.HTTP >= http.StatusInternalServerError && e.HTTP != http.StatusServiceUnavailable
	}
	// A request that ran out of time, or whose caller left, did not fail for
	// an unforeseen reason; but only if it is this request.
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return knownStatus(codes.DeadlineExceeded, apierr.Unavailable(second))
	case errors.Is(ctx.Err(), context.Canceled):
		return knownStatus(codes.Canceled, apierr.Unavailable(second))
	}
	return internalStatus(), true
}

func internalStatus() *status.Status {
	st, _ := knownStatus(codes.Internal, apierr.Text(http.StatusInternalServerError, internalSentence))
	return st
}

func knownStatus(code codes.Code, e *apierr.Error) (st *status.Status, broken bool) {
	known := &errorsv1.KnownError{
		Code:       e.Code,
		HttpStatus: int32(e.HTTP),
		Message:    e.Message,
		Format:     formats[e.Format],
		Header:     e.Header,
	}
	if e.Details != nil {
		values, err := structpb.NewStruct(e.Details)
		if err != nil {
			return internalStatus(), true
		}
		known.Details = values
	}
	details := []protoadapt.MessageV1{known}
	if seconds, err := strconv.Atoi(e.Header["Retry-After"]); err == nil {
		// Clients that know nothing of ours know this one.
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Duration(seconds) * time.Second)})
	}
	st, err := status.New(code, e.Code).WithDetails(details...)
	if err != nil { // for code OK alone
		return status.New(codes.Internal, internalSentence), true
	}
	return st, false
}

var formats = map[apierr.Format]errorsv1.KnownError_Format{
	apierr.FormatKnown: errorsv1.KnownError_FORMAT_UNSPECIFIED,
	apierr.FormatText:  errorsv1.KnownError_FORMAT_TEXT,
	apierr.FormatOAuth: errorsv1.KnownError_FORMAT_OAUTH,
}

// FromStatus converts the error of a call back into the *apierr.Error the
// other side returned. What the other side did not return on purpose becomes
// 503 if the call could not be made or did not finish in time, else the fixed
// internal error; the status is then the cause, for the log.
func FromStatus(err error) *apierr.Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*apierr.Error](err); ok {
		return e
	}
	st := status.Convert(err)
	for _, d := range st.Details() {
		if known, ok := d.(*errorsv1.KnownError); ok {
			return restore(known)
		}
	}
	switch st.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return apierr.Unavailable(second).WithCause(err)
	}
	return apierr.Text(http.StatusInternalServerError, internalSentence).WithCause(fmt.Errorf("unforeseen answer: %w", err))
}

func restore(known *errorsv1.KnownError) *apierr.Error {
	e := &apierr.Error{
		Code:    known.GetCode(),
		HTTP:    int(known.GetHttpStatus()),
		Message: known.GetMessage(),
		Header:  known.GetHeader(),
	}
	if known.GetDetails() != nil {
		e.Details = known.GetDetails().AsMap()
	}
	switch known.GetFormat() {
	case errorsv1.KnownError_FORMAT_TEXT:
		e.Format = apierr.FormatText
	case errorsv1.KnownError_FORMAT_OAUTH:
		e.Format = apierr.FormatOAuth
	}
	return e
}
