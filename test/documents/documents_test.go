// Package documents proves that the papers are true: every command and example
// in them is run, in the order in which a reader meets them, against a system
// that was started by the README's command.
package documents

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

// root is the top of the checkout.
const root = "../.."

// elsewhere lists the blocks that this package does not run, by their first
// line, and where they are run.
var elsewhere = map[string]string{
	"make run    # the whole system on this machine, until Ctrl-C":                                                       "run by TestMain; make test runs this",
	"cd deploy/check && GOWORK=off go test .                          # what is deployed is what the code is":            "run by make test",
	"npm pack swagger-ui-dist@5.35.0":                                                                                    "run when the viewer is replaced",
	"TEAMS_TLS_CERT_FILE=/tls/tls.crt TEAMS_TLS_KEY_FILE=/tls/tls.key TEAMS_TLS_CA_FILE=/tls/ca.crt":                     "names are held against the code in deploy/check",
	"tokens, err := client.NewVerifier(client.VerifierConfig{BaseURL: \"https://api.example.com\", ProjectID: project})": "compiled by TestGo",
}

// others are papers that another package runs, with what their examples leave to
// the reader.
var others = map[string]string{
	"docs/payments.md": "run by TestRecipe_payments_asPrinted of test/e2e, which clicks through the checkout page",
	"docs/sign-in.md":  "run by TestRecipes of test/e2e, which reads mails and has an authenticator app",
}

// patience ends what hangs.
const patience = 15 * time.Minute

// system is what the README's command started.
var system *stack.Stack

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run starts the system as a reader does, with "make run", and ends it as they
// do, with Ctrl-C.
func run(m *testing.M) int {
	dataDir, err := os.MkdirTemp("", "vestibule-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dataDir)
	var output bytes.Buffer
	makeRun := exec.Command("make", "run")
	makeRun.Dir = root
	makeRun.Env = append(os.Environ(), "VESTIBULE_DATA_DIR="+dataDir, "VESTIBULE_HTTP_ADDR=127.0.0.1:0")
	makeRun.Stdout, makeRun.Stderr = &output, &output
	// A terminal sends Ctrl-C to the whole group.
	makeRun.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := makeRun.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ended := make(chan error, 1)
	go func() { ended <- makeRun.Wait() }()
	code := 1
	starting, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = client.Poll(starting, func(context.Context) (err error) {
		system, err = stack.Read(dataDir)
		return err
	})
	if err == nil {
		code = m.Run()
	}
	_ = syscall.Kill(-makeRun.Process.Pid, syscall.SIGINT)
	<-ended
	// What make started may outlive it by a moment.
	ending, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	endErr := client.Poll(ending, func(context.Context) error {
		if alive, err := groupRuns(makeRun.Process.Pid); alive || err != nil {
			return fmt.Errorf("it still runs: %v, %v", alive, err)
		}
		return nil
	})
	if err != nil || endErr != nil {
		fmt.Fprintf(os.Stderr, "make run: %v, %v\n%s", err, endErr, &output)
		return 1
	}
	return code
}

// groupRuns reports whether a process of the group runs. One that has ended and
// that nobody reaps, as where the first process of a container is no init, does
// not.
func groupRuns(group int) (bool, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return false, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // ended meanwhile
		}
		// The name stands in parentheses and may hold anything; then come state,
		// parent and group.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" && fields[0] != "X" {
			return true, nil
		}
	}
	return false, nil
}

// Whoever writes a paper with a block of code has it run: there is no list of
// papers to forget one in.
func TestPapers_asPrinted_work(t *testing.T) {
	for _, file := range papers(t) {
		if others[file] != "" {
			continue
		}
		blocks, err := fences(root, file)
		if err != nil {
			t.Error(err)
		}
		if len(blocks) == 0 {
			continue
		}
		t.Run(file, func(t *testing.T) {
			output := follow(t, blocks)
			if check, ok := checks[file]; ok {
				check(t, output)
			}
		})
	}
}

// papers are the Markdown files of the repository. Git is not asked: it refuses
// to read a checkout that belongs to another user.
func papers(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules" || entry.Name() == "bin"):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(path, ".md"):
			file, err := filepath.Rel(root, path)
			found = append(found, filepath.ToSlash(file))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("found %d papers; the walk is broken", len(found))
	}
	return found
}

// follow does what a paper says, in one shell, and returns what that printed.
func follow(t *testing.T, blocks []fence) string {
	t.Helper()
	dir := desk(t)
	script := "set -euo pipefail\ncurl() { command curl --silent --show-error --fail-with-body \"$@\"; echo; }\n"
	for _, block := range blocks {
		if first, _, _ := strings.Cut(block.text, "\n"); elsewhere[first] != "" {
			continue
		}
		text := strings.NewReplacer(
			"http://127.0.0.1:8102", system.BaseURL,
			"<project id>", system.Projects["dev"].ID,
			"<publishable client key>", system.Projects["dev"].PublishableClientKey,
		).Replace(block.text)
		switch block.language {
		case "sh":
			script += fmt.Sprintf("echo '== %s' >&2\n%s", block, text)
		case "js":
			name := fmt.Sprintf("%d.mjs", block.line)
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			script += fmt.Sprintf("echo '== %s' >&2\nnode %s\n", block, name)
		case "json":
			if !json.Valid([]byte(text)) {
				t.Errorf("%s is not JSON", block)
			}
		case "go":
			compile(t, block)
		case "":
			// A drawing.
		default:
			t.Errorf("%s: nobody runs %q", block, block.language)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", script)
	shell.Dir = dir
	shell.Env = append(os.Environ(), environment(t)...)
	output, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return string(output)
}

// desk is a directory that looks like the checkout in which "make run" runs.
func desk(t *testing.T) string {
	t.Helper()
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(top, "test", "e2e", "sdk")
	if _, err := os.Stat(filepath.Join(modules, "node_modules")); err != nil {
		install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-progress")
		install.Dir = modules
		if output, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, output)
		}
	}
	dir := t.TempDir()
	for link, target := range map[string]string{
		".local":       system.DataDir(),
		"bin":          filepath.Join(top, "bin"),
		"deploy":       filepath.Join(top, "deploy"),
		"node_modules": filepath.Join(modules, "node_modules"),
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// environment is that of the running identity service, which the commands of an
// operator have too, and a path on which all tools are.
func environment(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", system.PIDs["identity"]))
	if err != nil {
		t.Fatal(err)
	}
	var env []string
	for pair := range strings.SplitSeq(string(text), "\x00") {
		if strings.HasPrefix(pair, "IDENTITY_") {
			env = append(env, pair)
		}
	}
	secrets, err := system.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	tools := filepath.Join(top, ".cache", "bin")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", tools+"/", "github.com/fullstorydev/grpcurl/cmd/grpcurl")
	build.Dir = filepath.Join(top, "tools")
	build.Env = append(os.Environ(), "GOWORK=off")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("grpcurl: %v\n%s", err, output)
	}
	return append(env,
		"IDENTITY_SEED_FILE="+filepath.Join(system.DataDir(), "seed.json"),
		"IDENTITY_CREDENTIAL_KEY="+base64.StdEncoding.EncodeToString(secrets.CredentialKey),
		"PATH="+strings.Join([]string{filepath.Join(top, "bin"), tools, os.Getenv("PATH")}, ":"))
}

// compile checks an example in Go as part of the client's module. What it
// declares and does not use is the reader's to use.
func compile(t *testing.T, block fence) {
	t.Helper()
	file := t.TempDir() + "/example.go"
	text := fmt.Sprintf(examples, strings.ReplaceAll(block.text, "{ … }", "{ }"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs(root + "/client")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{dir + "/readme/example.go": file}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".json", overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-gcflags=-e", "-overlay", file+".json", "-o", os.DevNull, "./readme")
	build.Dir = dir
	output, err := build.CombinedOutput()
	if err == nil {
		return
	}
	for line := range strings.SplitSeq(strings.TrimSpace(string(output)), "\n") {
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, "declared and not used") {
			t.Errorf("%s: %s", block, line)
		}
	}
}

// examples is the program around an example.
const examples = `package readme

import (
	"context"
	"os"

	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/client"
	"vestibule.dev/client/events"
)

var (
	_ = os.Getenv
	_ client.Config
	_ events.Config
	_ identityv1.GetUserRequest
)

func example(ctx context.Context, project, team, bearer, key, url, nats string) {
%s}
`

// checks look at what following a paper has led to.
var checks = map[string]func(t *testing.T, output string){
	"README.md": func(t *testing.T, output string) {
		for _, want := range []string{`"access_token":`, `/purchase/`, "grace@example.com", `"display_name":"Seats"`} {
			if !strings.Contains(output, want) {
				t.Errorf("%q was not printed: %s", want, output)
			}
		}
	},
	"docs/grpc.md": func(t *testing.T, output string) {
		if !strings.Contains(output, `"users":`) && !strings.Contains(output, `"items":`) {
			t.Errorf("no user was listed: %s", output)
		}
	},
}

// The example of the errors' page is what the API answers.
func TestErrors_example_isTheAnswer(t *testing.T) {
	blocks, err := fences(root, "docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	project := system.Projects["dev"]
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, system.BaseURL+"/api/v1/auth/password/sign-up",
		strings.NewReader(`{"email": "short@example.com", "password": "short", "verification_callback_url": "http://localhost:3000/verify"}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "X-Hexclave-Access-Type": "client", "X-Hexclave-Project-Id": project.ID,
		"X-Hexclave-Publishable-Client-Key": project.PublishableClientKey,
	} {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got, want map[string]any
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(blocks[0].text), &want); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("answered %v, the page says %v", got, want)
	}
}

var (
	codeSpan = regexp.MustCompile("`([^`\n]+)`")
	target   = regexp.MustCompile(`^make ([a-z0-9-]+)`)
	program  = regexp.MustCompile(`^go (?:run|test|build) (?:-\S+ )*(\./\S+)`)
	script   = regexp.MustCompile(`^((?:tools|deploy|\.ci|bin)/\S+)`)
)

// Commands between the lines name what exists.
func TestPapers_commandsInTheText_exist(t *testing.T) {
	makefile, err := os.ReadFile(root + "/Makefile")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, file := range papers(t) {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, span := range codeSpan.FindAllStringSubmatch(string(text), -1) {
			if m := target.FindStringSubmatch(span[1]); m != nil {
				found["make"]++
				if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
					t.Errorf("%s: there is no %q", file, span[1])
				}
			}
			for kind, command := range map[string]*regexp.Regexp{"program": program, "script": script} {
				m := command.FindStringSubmatch(span[1])
				if m == nil {
					continue
				}
				found[kind]++
				places := []string{filepath.Join(root, filepath.Dir(file), m[1]), filepath.Join(root, strings.TrimSuffix(m[1], "..."))}
				if !slices.ContainsFunc(places, func(place string) bool { _, err := os.Stat(place); return err == nil }) {
					t.Errorf("%s: %s does not exist", file, m[1])
				}
			}
		}
	}
	for _, kind := range []string{"make", "program", "script"} {
		if found[kind] == 0 {
			t.Errorf("no %s is named anywhere", kind)
		}
	}
}
