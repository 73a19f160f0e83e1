// Package backend proves that an operator's own backend can do its work beside
// the system: the example of the Go client verifies tokens, asks for rights and
// hears of everybody who signs up.
package backend

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"vestibule.dev/pkg/loopback"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

func TestExample_besideTheSystem_doesItsWork(t *testing.T) {
	// Events come several times and out of order.
	system, err := stack.Start(t.Context(), "VESTIBULE_CHAOS_DELIVERY=true")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := system.Stop(); err != nil {
			t.Error(err)
		}
	})
	project, err := client.NewProject(t.Context(), system.BaseURL, system.Projects["internal"], "Example",
		map[string]any{"create_team_on_sign_up": true})
	if err != nil {
		t.Fatal(err)
	}
	origin := start(t, system, project.ID)

	visitor := client.For(system.BaseURL, project, client.Public)
	var people [2]client.Tokens
	var teams [2]string
	for i := range people {
		if people[i], err = visitor.SignUp(t.Context(), client.FreshEmail("example"), "correct horse battery"); err != nil {
			t.Fatal(err)
		}
		if teams[i], err = visitor.SignedIn(people[i]).PersonalTeam(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	anonymous, err := visitor.SignUpAnonymously(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, token, path string
		want              int
	}{
		{"the own team", people[0].AccessToken, "/teams/" + teams[0] + "/report", http.StatusOK},
		{"another team", people[0].AccessToken, "/teams/" + teams[1] + "/report", http.StatusForbidden},
		{"no team", people[0].AccessToken, "/teams/8d7c4f0e-3a52-4d55-9f5e-0f7f6d1c2b3a/report", http.StatusForbidden},
		{"no id", people[0].AccessToken, "/teams/x/report", http.StatusBadRequest},
		{"no token", "", "/teams/" + teams[0] + "/report", http.StatusUnauthorized},
		{"a forged token", people[0].AccessToken + "x", "/teams/" + teams[0] + "/report", http.StatusUnauthorized},
		{"a visitor", anonymous.AccessToken, "/greeting", http.StatusUnauthorized},
	} {
		if status, text := ask(t, origin+tt.path, tt.token); status != tt.want {
			t.Errorf("%s: %d %s, want %d", tt.name, status, text, tt.want)
		}
	}
	for _, person := range people {
		err := client.Poll(t.Context(), func(context.Context) error {
			_, text := ask(t, origin+"/greeting", person.AccessToken)
			if !strings.Contains(text, "greeted 1 times") {
				return fmt.Errorf("answered %q", text)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	t.Run("client", func(t *testing.T) { everything(t, system) })
	t.Run("README", func(t *testing.T) { readme(t, system) })
}

// start builds and runs the example as its own process.
func start(t *testing.T, system *stack.Stack, projectID string) (origin string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "example")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", program, "vestibule.dev/client/example")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	issue := exec.Command(filepath.Join("..", "..", "bin", "vestibule-dev"), "credential", "--name", "example", "--scope", "teams:read:"+projectID)
	issue.Env = append(os.Environ(), "VESTIBULE_DATA_DIR="+system.DataDir())
	issued, err := issue.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(issued)), "\n")
	port, err := loopback.Reserve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Release)
	addr := port.Addr()
	var output bytes.Buffer
	example := exec.Command(program)
	example.Stdout, example.Stderr = &output, &output
	example.Env = []string{
		"EXAMPLE_ADDR=" + addr, "EXAMPLE_BASE_URL=" + system.BaseURL, "EXAMPLE_PROJECT_ID=" + projectID,
		"EXAMPLE_CREDENTIAL=" + lines[len(lines)-1], "EXAMPLE_TEAMS_ADDR=" + system.GRPC["teams"],
		"EXAMPLE_POSTGRES_URL=" + pgtest.URL(t).Reveal(), "EXAMPLE_NATS_URL=" + system.NATSURL,
	}
	example.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := example.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = example.Process.Signal(syscall.SIGTERM)
		if err := example.Wait(); err != nil || t.Failed() {
			t.Errorf("the example: %v\n%s", err, &output)
		}
	})
	err = client.Poll(t.Context(), func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, &output)
	}
	return "http://" + addr
}

func ask(t *testing.T, url, token string) (status int, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}
