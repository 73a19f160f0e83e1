package grpcx

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// probeLimit bounds one readiness check, so that a hanging database shows
// before the probe itself gives up.
const probeLimit = 2 * time.Second

// Liveness is the service name to ask the health service about whether the
// process works at all. Any other known name asks whether it is ready.
const Liveness = "liveness"

type health struct {
	healthpb.UnimplementedHealthServer
	service string
	ready   func(context.Context) error
	log     *slog.Logger
}

// Check implements healthpb.HealthServer.
func (h *health) Check(ctx context.Context, req *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	switch req.GetService() {
	case Liveness:
		return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
	case "", "readiness", h.service:
	default:
		return nil, status.Error(codes.NotFound, "unknown service")
	}
	res := &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}
	if h.ready != nil {
		ctx, cancel := context.WithTimeout(ctx, probeLimit)
		defer cancel()
		if err := h.ready(ctx); err != nil {
			h.log.WarnContext(ctx, "not ready", "error", err)
			res.Status = healthpb.HealthCheckResponse_NOT_SERVING
		}
	}
	return res, nil
}

// exempt reports whether a method belongs to the transport rather than to a
// service: it has no policy, needs no principal and counts against no limit.
func exempt(method string) bool {
	return strings.HasPrefix(method, "/grpc.health.v1.Health/") || strings.HasPrefix(method, "/grpc.reflection.v1")
}
