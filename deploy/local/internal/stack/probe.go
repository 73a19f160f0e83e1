package stack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// probeTimeout is for one question. While nobody listens the answer comes at
// once; a process that is only slow must be able to give it.
const probeTimeout = 10 * time.Second

// serves asks a service's gRPC health endpoint until it says SERVING. The
// connection is closed when done is called.
func serves(addr string) (probe func(context.Context) error, done func(), err error) {
	conn, err := grpc.NewClient(addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.2, MaxDelay: 100 * time.Millisecond},
			MinConnectTimeout: probeTimeout,
		}))
	if err != nil {
		return nil, nil, err
	}
	health := grpc_health_v1.NewHealthClient(conn)
	probe = func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		answer, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true))
		if err != nil {
			return err
		}
		if answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
			return fmt.Errorf("health is %s", answer.GetStatus())
		}
		return nil
	}
	return probe, func() { _ = conn.Close() }, nil
}

// answers asks an HTTP URL for a 200.
func answers(url string) func(context.Context) error {
	// Keep-alive would leave a connection of ours open to the gateway.
	client := &http.Client{Timeout: probeTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<10))
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answered %s", url, response.Status)
		}
		return nil
	}
}
