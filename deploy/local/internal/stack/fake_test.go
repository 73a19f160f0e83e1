package stack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"vestibule.dev/deploy/local/devfile"
	"vestibule.dev/deploy/local/internal/stack"
)

// The test's own program plays all others: called by another name it does what
// the program of that name does, as far as a dev stack can tell.
func TestMain(m *testing.M) {
	name := filepath.Base(os.Args[0])
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	switch name {
	case "vestibule-dev":
		err = runDev(ctx)
	case "gateway":
		err = fakeGateway(ctx)
	case "identity", "sessions", "teams", "notifications", "payments":
		err = fakeService(ctx, name)
	default:
		stop()
		os.Exit(m.Run())
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runDev(ctx context.Context) error {
	settings, err := stack.LoadSettings()
	if err != nil {
		return err
	}
	return stack.Run(ctx, settings, os.Stdout)
}

func fakeGateway(ctx context.Context) error {
	listener, err := net.Listen("tcp", os.Getenv("GATEWAY_HTTP_ADDR"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			http.NotFound(w, r)
		}
	})}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func fakeService(ctx context.Context, name string) error {
	prefix := strings.ToUpper(name) + "_"
	conn, err := pgx.Connect(ctx, os.Getenv(prefix+"POSTGRES_URL"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if len(os.Args) != 2 {
		return fmt.Errorf("want one argument, got %v", os.Args)
	}
	switch os.Args[1] {
	case "migrate":
		_, err := conn.Exec(ctx, `CREATE TABLE IF NOT EXISTS migrations (at timestamptz DEFAULT now()); INSERT INTO migrations DEFAULT VALUES`)
		return err
	case "seed":
		return fakeSeed(ctx, conn)
	case "serve":
		if os.Getenv(prefix+"BROKEN") != "" {
			return errors.New("the sun is not shining")
		}
		return fakeServe(ctx, os.Getenv(prefix+"GRPC_ADDR"))
	}
	return fmt.Errorf("unknown command %q", os.Args[1])
}

func fakeServe(ctx context.Context, addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go func() {
		<-ctx.Done()
		server.Stop()
	}()
	return server.Serve(listener)
}

func fakeSeed(ctx context.Context, conn *pgx.Conn) error {
	if os.Getenv("IDENTITY_SEED_DEV") != "true" {
		return errors.New("IDENTITY_SEED_DEV is not set")
	}
	content, err := os.ReadFile(os.Getenv("IDENTITY_SEED_FILE"))
	if err != nil {
		return err
	}
	var seed struct{ Projects map[string]devfile.Project }
	if err := json.Unmarshal(content, &seed); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `CREATE TABLE IF NOT EXISTS projects (name text PRIMARY KEY, id text, key text)`); err != nil {
		return err
	}
	for name, project := range seed.Projects {
		if _, err := conn.Exec(ctx, `INSERT INTO projects VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET id = excluded.id, key = excluded.key`,
			name, project.ID, project.SuperSecretAdminKey); err != nil {
			return err
		}
	}
	return nil
}
