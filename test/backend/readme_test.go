package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

// readme are the examples of the Go client's README, run against the system.
func readme(t *testing.T, system *stack.Stack) {
	text, err := os.ReadFile("../../client/README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d examples", len(blocks))
	}
	dev := system.Projects["dev"]
	operator := client.For(system.BaseURL, dev, client.Admin)
	if err := operator.Expect(t.Context(), http.MethodPatch, "/internal/config/override/environment", map[string]any{
		"config_override_string": `{"payments.items.credits": {"displayName": "Credits", "customerType": "user"}}`,
	}, nil); err != nil {
		t.Fatal(err)
	}
	visitor := client.For(system.BaseURL, dev, client.Public)
	tokens, err := visitor.SignUp(t.Context(), client.FreshEmail("readme"), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	var team, key struct {
		ID    string `json:"id"`
		Value string `json:"value"`
	}
	person := visitor.SignedIn(tokens)
	for path, made := range map[string]struct{ body, answer any }{
		"/teams":         {map[string]any{"display_name": "Readers", "creator_user_id": "me"}, &team},
		"/user-api-keys": {map[string]any{"description": "readme", "user_id": "me", "expires_at_millis": nil}, &key},
	} {
		if err := person.Expect(t.Context(), http.MethodPost, path, made.body, made.answer); err != nil {
			t.Fatal(err)
		}
	}
	values := map[string]string{
		"VESTIBULE_CREDENTIAL": system.ServiceCredential, "project": dev.ID, "bearer": tokens.AccessToken,
		"team": team.ID, "key": key.Value, "nats": system.NATSURL,
	}

	t.Run("calls", func(t *testing.T) {
		example, output := program(t, system, blocks[0][1], values)
		if err := example.Run(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		for _, want := range []string{
			"no credits are left", "allowed=true", `id:"` + key.ID + `"`, `id:"` + tokens.UserID + `"`,
		} {
			// The text form of messages has spaces as it likes.
			if !strings.Contains(strings.ReplaceAll(output.String(), ": ", ":"), want) {
				t.Errorf("%q was not printed: %s", want, output)
			}
		}
	})
	t.Run("events", func(t *testing.T) {
		url := pgtest.URL(t).Reveal()
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
		if _, err := conn.Exec(t.Context(), "CREATE TABLE welcomes (user_id text PRIMARY KEY)"); err != nil {
			t.Fatal(err)
		}
		values["url"] = url
		example, output := program(t, system, blocks[1][1], values)
		if err := example.Start(); err != nil {
			t.Fatal(err)
		}
		err = client.Poll(t.Context(), func(ctx context.Context) error {
			var welcomed bool
			if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM welcomes WHERE user_id = $1)", tokens.UserID).Scan(&welcomed); err != nil {
				return err
			}
			if !welcomed {
				return errors.New("the user was not welcomed")
			}
			return nil
		})
		_ = example.Process.Signal(syscall.SIGTERM)
		if ended := example.Wait(); err != nil || ended != nil {
			t.Errorf("%v, %v\n%s", err, ended, output)
		}
	})
}

// program builds an example with what it leaves to the reader: it ends at the
// first error that it does not look at, and prints what it does not use.
func program(t *testing.T, system *stack.Stack, text string, values map[string]string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	text = strings.ReplaceAll(text, "https://api.example.com", system.BaseURL)
	for name, address := range system.GRPC {
		text = strings.ReplaceAll(text, "dns:///vestibule-"+name+":9000", address)
	}
	source := fmt.Sprintf(around, text)
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "readme.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	main := file.Decls[len(file.Decls)-1].(*ast.FuncDecl).Body
	uses := map[string]int{}
	ast.Inspect(main, func(node ast.Node) bool {
		if name, ok := node.(*ast.Ident); ok {
			uses[name.Name]++
		}
		return true
	})
	out, last := "", 0
	for i, statement := range main.List {
		assignment, ok := statement.(*ast.AssignStmt)
		if !ok {
			continue
		}
		end := files.Position(statement.End()).Offset
		out += source[last:end]
		last = end
		isLookedAt := false
		if i+1 < len(main.List) {
			_, isLookedAt = main.List[i+1].(*ast.IfStmt)
		}
		for _, left := range assignment.Lhs {
			switch name := left.(*ast.Ident).Name; {
			case name == "err" && !isLookedAt:
				out += "; check(ctx, err)"
			case uses[name] == 1:
				out += fmt.Sprintf("; fmt.Printf(\"%s=%%+v\\n\", %s)", name, name)
			}
		}
	}
	dir := t.TempDir()
	written, overlay, built := filepath.Join(dir, "readme.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "readme")
	module, err := filepath.Abs("../../client")
	if err != nil {
		t.Fatal(err)
	}
	replacements, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(module, "readme", "readme.go"): written}})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{written: []byte(out + source[last:]), overlay: replacements} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-overlay", overlay, "-o", built, "./readme")
	build.Dir = module
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	var output bytes.Buffer
	example := exec.CommandContext(t.Context(), built)
	example.Stdout, example.Stderr = &output, &output
	for name, value := range values {
		example.Env = append(example.Env, name+"="+value)
	}
	example.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return example, &output
}

// around is the program around an example.
const around = `package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"vestibule.dev/client"
	"vestibule.dev/client/events"
	identityv1 "vestibule.dev/proto/identity/v1"
)

var (
	_ client.Config
	_ events.Config
	_ identityv1.GetUserRequest
)

var project, team, bearer, key, url, nats = os.Getenv("project"), os.Getenv("team"), os.Getenv("bearer"), os.Getenv("key"), os.Getenv("url"), os.Getenv("nats")

func check(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	%s
}
`
