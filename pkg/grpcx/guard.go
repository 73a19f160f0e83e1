package grpcx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/obs"
	"vestibule.dev/pkg/principal"
)

const (
	// longest is how long a request may take when its caller set no deadline.
	longest = 10 * time.Second
	// shortest is the time below which work is not begun: the caller would be
	// gone before the answer.
	shortest = 100 * time.Millisecond
	// hop is what each call leaves its caller to answer in.
	hop = 20 * time.Millisecond
)

func (s *Server) recoverPanic(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (res any, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.cfg.Logger.ErrorContext(ctx, "panic", "method", info.FullMethod, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			res, err = nil, status.Error(codes.Internal, internalSentence)
		}
	}()
	return next(ctx, req)
}

func (s *Server) requestFacts(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if exempt(info.FullMethod) {
		return next(ctx, req)
	}
	md, _ := metadata.FromIncomingContext(ctx)
	facts := principal.RequestFromMetadata(md)
	if facts.ID == "" {
		facts.ID = ids.RequestID()
	}
	ctx = principal.NewRequestContext(ctx, facts)
	if !s.cfg.Telemetry.Exporting() {
		ctx = obs.Propagator.Extract(ctx, carrier(md))
	}
	return next(ctx, req)
}

// accessLog logs what went well at debug level only: the edge has a line per
// request already, and this one costs more than most guards together.
func (s *Server) accessLog(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	begin := time.Now()
	code := codes.Internal // unless the handler returns
	defer func() {
		level := slog.LevelDebug
		switch code {
		case codes.Internal, codes.Unknown, codes.DataLoss:
			level = slog.LevelError
		case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Unauthenticated, codes.PermissionDenied:
			level = slog.LevelInfo
		}
		if s.cfg.Logger.Enabled(ctx, level) {
			s.cfg.Logger.LogAttrs(ctx, level, "rpc",
				slog.String("method", info.FullMethod),
				slog.String("code", code.String()),
				slog.Duration("elapsed", time.Since(begin)))
		}
	}()
	res, err := next(ctx, req)
	code = status.Code(err)
	return res, err
}

func (s *Server) metrics(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if s.cfg.Observe == nil || exempt(info.FullMethod) {
		return next(ctx, req)
	}
	begin := time.Now()
	code := codes.Internal // unless the handler returns
	defer func() { s.cfg.Observe(ctx, info.FullMethod, code, time.Since(begin)) }()
	res, err := next(ctx, req)
	code = status.Code(err)
	return res, err
}

func (s *Server) convertErrors(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	res, err := next(ctx, req)
	if err == nil || exempt(info.FullMethod) {
		return res, err
	}
	st, unforeseen := toStatus(ctx, err)
	level := slog.LevelDebug
	if unforeseen {
		level = slog.LevelError
	} else if st.Code() == codes.Unavailable {
		level = slog.LevelWarn
	}
	s.cfg.Logger.Log(ctx, level, "request failed", "method", info.FullMethod, "error", withCause(err))
	return nil, st.Err()
}

// boundAnswer refuses what asks for more than fits into a message, in words for
// whoever asked: to send it would break the call without saying why. Better still
// is not to read so much at all.
func (s *Server) boundAnswer(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if s.cfg.Bound != nil {
		ctx = s.cfg.Bound(ctx, MaxMessage)
	}
	res, err := next(ctx, req)
	if message, ok := res.(proto.Message); ok && err == nil && proto.Size(message) > MaxMessage {
		return nil, apierr.AnswerTooLarge()
	}
	return res, err
}

// withCause returns what an operator should read: the text of an
// *apierr.Error leaves its cause out.
func withCause(err error) error {
	if e, ok := errors.AsType[*apierr.Error](err); ok {
		if cause := e.Unwrap(); cause != nil {
			return fmt.Errorf("%w: %w", err, cause)
		}
	}
	return err
}

func (s *Server) boundDeadline(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if exempt(info.FullMethod) {
		return next(ctx, req)
	}
	deadline, ok := ctx.Deadline()
	switch {
	case !ok:
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, longest)
		defer cancel()
	case time.Until(deadline) < shortest:
		return nil, &refusal{code: codes.DeadlineExceeded, known: apierr.Unavailable(second)}
	}
	return next(ctx, req)
}

func (s *Server) limitInFlight(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if exempt(info.FullMethod) || s.unlimited[info.FullMethod] {
		return next(ctx, req)
	}
	defer s.inFlight.Add(-1)
	if s.inFlight.Add(1) > int64(s.cfg.InFlightLimit) {
		s.shed.Add(1)
		return nil, apierr.Unavailable(second)
	}
	return next(ctx, req)
}
