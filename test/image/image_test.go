// Package image proves that the images hold what a process needs: the build step
// of the Dockerfile is run without Docker, and its program in an empty directory
// with nothing but the environment that docker-compose.yml gives it.
package image

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"vestibule.dev/pkg/loopback"
	"vestibule.dev/pkg/natstest"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/test/client"
)

const root = "../.."

// process is the one whose image is built; the build is the same for all.
const process = "teams"

// composed is the environment of a process in docker-compose.yml.
func composed(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`(?m)^      (` + strings.ToUpper(process) + `_[A-Z_]+): (.+)$`)
	found := map[string]string{}
	for _, match := range variable.FindAllStringSubmatch(string(text), -1) {
		found[match[1]] = match[2]
	}
	if len(found) < 10 {
		t.Fatalf("docker-compose.yml gives %s only %v", process, found)
	}
	return found
}

func TestImage_program_runsWithNothingElse(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "service")
	build := exec.Command(filepath.Join(root, "deploy", "docker", "build.sh"), process, program)
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}

	// The secrets are files, and the directory of the program is empty beside.
	secrets, empty := t.TempDir(), t.TempDir()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	random := func() string { b := make([]byte, 32); _, _ = rand.Read(b); return base64.StdEncoding.EncodeToString(b) }
	contents := map[string]string{
		"teams_postgres_url": pgtest.URL(t).Reveal(), "principal_public_keys": base64.StdEncoding.EncodeToString(public),
		"credential_public_keys": base64.StdEncoding.EncodeToString(public), "service_key": random(),
		"teams_encryption_keys": "k1:" + random(), "teams_code_key": random(),
	}
	for name, content := range contents {
		if err := os.WriteFile(filepath.Join(secrets, name), []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Addresses of other containers lead nowhere here, except for two.
	grpcAddr, opsAddr := reserve(t), reserve(t)
	var environ []string
	for name, value := range composed(t) {
		switch {
		case strings.HasSuffix(name, "_FILE"):
			value = filepath.Join(secrets, filepath.Base(value))
		case strings.HasSuffix(name, "_GRPC_ADDR"):
			value = grpcAddr
		case strings.HasSuffix(name, "_OPS_ADDR"):
			value = opsAddr
		case strings.HasSuffix(name, "_NATS_URL"):
			value = natstest.New(t).URL()
		}
		environ = append(environ, name+"="+value)
	}
	run := func(arguments ...string) (*exec.Cmd, *bytes.Buffer) {
		cmd, output := exec.Command(program, arguments...), &bytes.Buffer{}
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = empty, environ, output, output
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		return cmd, output
	}

	if cmd, output := run("migrate"); cmd.Run() != nil {
		t.Fatalf("migrate: %s", output)
	}
	if cmd, output := run("health"); cmd.Run() == nil {
		t.Errorf("healthy before it runs: %s", output)
	}
	serve, output := run("serve")
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = serve.Process.Kill() })
	err = client.Poll(t.Context(), func(context.Context) error {
		cmd, said := run("health")
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	conn, err := grpc.NewClient(grpcAddr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	answer, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: process})
	if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("%v, %v", answer, err)
	}
	if answer, err := http.Get("http://" + opsAddr + "/metrics"); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("metrics: %v, %v", answer, err)
	}
	if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := serve.Wait(); err != nil {
		t.Errorf("ended with %v\n%s", err, output)
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("it wrote %v, %v", left, err)
	}
}

// reserve holds an address for the program.
func reserve(t *testing.T) string {
	t.Helper()
	port, err := loopback.Reserve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Release)
	return port.Addr()
}
