package stack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	natsclient "github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"vestibule.dev/deploy/local/devfile"
	"vestibule.dev/deploy/local/internal/postgres"
	"vestibule.dev/pkg/loopback"
)

var (
	services  = []string{"identity", "sessions", "teams", "notifications", "payments"}
	processes = append(slices.Clone(services), "gateway", "postgres")
)

// program is one run of vestibule-dev.
type program struct {
	cmd    *exec.Cmd
	dir    string
	output *output
	ended  chan struct{}
	err    error
}

type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// programs makes a directory with all programs, each of them this test's own.
// Everybody may enter it and read them.
func programs(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "vestibule-dev-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	original := filepath.Join(dir, "program")
	// A process that another test forks meanwhile would hold the file open for
	// writing, and nobody may run such a file.
	syscall.ForkLock.RLock()
	err = os.WriteFile(original, content, 0o755)
	syscall.ForkLock.RUnlock()
	// Whatever the umask is.
	if err := errors.Join(err, os.Chmod(original, 0o755), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(slices.Clone(services), "gateway", "vestibule-dev") {
		if err := os.Symlink(original, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// launch starts vestibule-dev and does not wait for it.
func launch(t *testing.T, bin, dataDir string, runAs *syscall.Credential, env ...string) *program {
	t.Helper()
	p := &program{
		cmd:    exec.Command(filepath.Join(bin, "vestibule-dev")),
		dir:    dataDir,
		output: new(output),
		ended:  make(chan struct{}),
	}
	p.cmd.Dir = "/"
	p.cmd.Env = append(os.Environ(),
		"VESTIBULE_DATA_DIR="+dataDir, "VESTIBULE_BIN_DIR="+bin, "VESTIBULE_HTTP_ADDR=127.0.0.1:0", "VESTIBULE_POSTGRES_URL=")
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: runAs}
	endWithUs(p.cmd.SysProcAttr)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { p.stop(t) })
	return p
}

// start starts vestibule-dev and waits until it is ready.
func start(t *testing.T, bin, dataDir string, env ...string) *program {
	t.Helper()
	p := launch(t, bin, dataDir, nil, env...)
	p.awaitReady(t)
	return p
}

func (p *program) awaitReady(t *testing.T) devfile.File {
	t.Helper()
	var file devfile.File
	until(t, "the stack to be ready", func() bool {
		select {
		case <-p.ended:
			t.Fatalf("ended before it was ready: %v\n%s", p.err, p.output)
		default:
		}
		// The welcome comes after dev.json: wait for both.
		var err error
		file, err = devfile.Read(p.dir)
		return err == nil && strings.Contains(p.output.String(), "Ctrl-C stops everything")
	})
	return file
}

func (p *program) dev(t *testing.T) devfile.File {
	t.Helper()
	file, err := devfile.Read(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func (p *program) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails when it has ended
	<-p.ended
}

// until waits for a condition that other processes bring about.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// runs tells whether a process exists; one that only waits to be reaped does
// not count.
func runs(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return !errors.Is(err, syscall.ESRCH)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) || runtime.GOOS != "linux"
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func healthy(ctx context.Context, file devfile.File) error {
	response, err := http.Get(file.BaseURL + "/health")
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	for name, addr := range file.GRPC {
		conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		_, err = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		if err := errors.Join(err, conn.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for name, url := range file.Databases {
		if _, err := query[int](ctx, url, "SELECT 1"); err != nil {
			return fmt.Errorf("database %s: %w", name, err)
		}
	}
	return nil
}

func query[T any](ctx context.Context, url, sql string) (T, error) {
	var value T
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return value, err
	}
	defer conn.Close(ctx)
	return value, conn.QueryRow(ctx, sql).Scan(&value)
}

func TestRun_start_tellsWhereEverythingIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, programs(t), dir)
	file := p.dev(t)

	info, err := os.Stat(filepath.Join(dir, devfile.Name))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
	if err := healthy(t.Context(), file); err != nil {
		t.Error(err)
	}
	if got := slices.Sorted(maps.Keys(file.PIDs)); !slices.Equal(got, slices.Sorted(slices.Values(processes))) {
		t.Errorf("pids of %v", got)
	}
	for name, pid := range file.PIDs {
		if !runs(pid) {
			t.Errorf("%s: no process %d", name, pid)
		}
	}
	internal, dev := file.Projects["internal"], file.Projects["dev"]
	if internal.ID != "internal" || len(dev.ID) != 36 {
		t.Errorf("project ids %q and %q", internal.ID, dev.ID)
	}
	for _, project := range []devfile.Project{internal, dev} {
		for prefix, key := range map[string]string{"pck": project.PublishableClientKey, "ssk": project.SecretServerKey, "sak": project.SuperSecretAdminKey} {
			if !regexp.MustCompile("^" + prefix + "_[0-9a-z]{45}$").MatchString(key) {
				t.Errorf("key %q", key)
			}
		}
	}
	if key, err := query[string](t.Context(), file.Databases["identity"], "SELECT key FROM projects WHERE name = 'internal'"); err != nil || key != internal.SuperSecretAdminKey {
		t.Errorf("seeded key %q (%v)", key, err)
	}
	text := p.output.String()
	for _, want := range []string{file.BaseURL + "/api/v1", file.MailboxURL, file.BaseURL + "/docs", dev.ID, dev.SecretServerKey, "curl " + file.BaseURL} {
		if !strings.Contains(text, want) {
			t.Errorf("the welcome lacks %s:\n%s", want, text)
		}
	}
	// One context's role cannot enter another's database.
	foreign := strings.Replace(file.Databases["teams"], "/teams?", "/identity?", 1)
	if _, err := query[int](t.Context(), foreign, "SELECT 1"); err == nil {
		t.Error("teams can connect to the database of identity")
	}
}

func TestRun_whileOneRuns_saysSo(t *testing.T) {
	t.Parallel()
	bin, dir := programs(t), t.TempDir()
	first := start(t, bin, dir)
	second := launch(t, bin, dir, nil)
	<-second.ended
	if second.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit code %d, want 1", second.cmd.ProcessState.ExitCode())
	}
	file := first.dev(t)
	for _, want := range []string{"already runs", dir, strconv.Itoa(first.cmd.Process.Pid), file.BaseURL} {
		if !strings.Contains(second.output.String(), want) {
			t.Errorf("the message lacks %q: %s", want, second.output)
		}
	}
	if err := healthy(t.Context(), file); err != nil {
		t.Errorf("the first one has suffered: %v", err)
	}
}

func TestRun_killedProcess_runsAgain(t *testing.T) {
	t.Parallel()
	p := start(t, programs(t), t.TempDir())
	for _, name := range processes {
		before := p.dev(t)
		if err := syscall.Kill(before.PIDs[name], syscall.SIGKILL); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		until(t, name+" to run again", func() bool {
			after := p.dev(t)
			return after.PIDs[name] != before.PIDs[name] && runs(after.PIDs[name]) && healthy(t.Context(), after) == nil
		})
		after := p.dev(t)
		for other, pid := range after.PIDs {
			if other != name && pid != before.PIDs[other] {
				t.Errorf("%s was restarted because %s ended", other, name)
			}
		}
		// What it said is on its way through a pipe.
		until(t, "a word about "+name, func() bool {
			return regexp.MustCompile(`(?m)^` + name + ` .*signal: killed`).MatchString(p.output.String())
		})
	}
}

func TestRun_stopAndStart_keepsEverything(t *testing.T) {
	t.Parallel()
	bin, dir := programs(t), t.TempDir()
	first := start(t, bin, dir)
	before := first.dev(t)
	publish(t, before.NATSURL)
	if err := smtp.SendMail(before.SMTPAddr, nil, "a@vestibule.test", []string{"ada@example.com"}, []byte("Subject: kept\r\n\r\nx")); err != nil {
		t.Fatal(err)
	}

	first.stop(t)
	if first.err != nil {
		t.Errorf("a clean stop ended with %v\n%s", first.err, first.output)
	}
	for name, pid := range before.PIDs {
		if runs(pid) {
			t.Errorf("%s (%d) has outlived the stack", name, pid)
		}
	}
	if _, err := devfile.Read(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("dev.json: %v, want it gone", err)
	}

	second := start(t, bin, dir)
	after := second.dev(t)
	if !maps.Equal(after.Projects, before.Projects) {
		t.Errorf("projects %v, were %v", after.Projects, before.Projects)
	}
	for _, name := range services {
		if n, err := query[int](t.Context(), after.Databases[name], "SELECT count(*) FROM migrations"); err != nil || n != 2 {
			t.Errorf("%s: %d rows (%v), want one of each start", name, n, err)
		}
	}
	if n := stored(t, after.NATSURL); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	response, err := http.Get(after.MailboxURL + "/api/v1/message/latest")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); !bytes.Contains(body, []byte(`"Subject":"kept"`)) {
		t.Errorf("mail %s", body)
	}
}

func publish(t *testing.T, url string) {
	t.Helper()
	js := jetStream(t, url)
	if _, err := js.AddStream(&natsclient.StreamConfig{Name: "events", Subjects: []string{"events.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish("events.kept", []byte("x")); err != nil {
		t.Fatal(err)
	}
}

func stored(t *testing.T, url string) uint64 {
	t.Helper()
	info, err := jetStream(t, url).StreamInfo("events")
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Msgs
}

func jetStream(t *testing.T, url string) natsclient.JetStreamContext {
	t.Helper()
	conn, err := natsclient.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := conn.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestRun_killedItself_leavesNothingAndStartsAgain(t *testing.T) {
	t.Parallel()
	bin, dir := programs(t), t.TempDir()
	first := start(t, bin, dir)
	before := first.dev(t)
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-first.ended
	second := start(t, bin, dir) // at once, while the old server may still be going down
	for name, pid := range before.PIDs {
		until(t, name+" to be gone", func() bool { return !runs(pid) })
	}
	if err := healthy(t.Context(), second.dev(t)); err != nil {
		t.Error(err)
	}
}

func TestRun_serviceThatFails_isExplained(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := launch(t, programs(t), dir, nil, "TEAMS_BROKEN=yes")
	<-p.ended
	if p.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit code %d, want 1", p.cmd.ProcessState.ExitCode())
	}
	for _, want := range []string{"teams ended before it was ready", "the sun is not shining", "teams.log"} {
		if !strings.Contains(p.output.String(), want) {
			t.Errorf("the message lacks %q: %s", want, p.output)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "postgres", "postmaster.pid")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the database server has outlived the stack")
	}
}

func TestRun_signalWhileStarting_endsCleanly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := launch(t, programs(t), dir, nil)
	until(t, "the start to be under way", func() bool {
		_, err := os.Stat(filepath.Join(dir, "secrets.json"))
		return err == nil
	})
	p.stop(t)
	if p.err != nil {
		t.Errorf("ended with %v\n%s", p.err, p.output)
	}
}

func TestRun_addressInUse_saysWhichSettingHelps(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	p := launch(t, programs(t), t.TempDir(), nil, "VESTIBULE_HTTP_ADDR="+other.Addr().String())
	<-p.ended
	if !strings.Contains(p.output.String(), "VESTIBULE_HTTP_ADDR") || p.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit code %d: %s", p.cmd.ProcessState.ExitCode(), p.output)
	}
}

func TestRun_missingProgram_saysHowToBuildIt(t *testing.T) {
	t.Parallel()
	bin := programs(t)
	if err := os.Remove(filepath.Join(bin, "teams")); err != nil {
		t.Fatal(err)
	}
	p := launch(t, bin, t.TempDir(), nil)
	<-p.ended
	if !strings.Contains(p.output.String(), "make build") || p.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit code %d: %s", p.cmd.ProcessState.ExitCode(), p.output)
	}
}

func TestRun_givenServerAndKeys_areUsed(t *testing.T) {
	t.Parallel()
	binaries, err := postgres.FindBinaries(0)
	if err != nil {
		t.Fatal(err)
	}
	port, err := loopback.Reserve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer port.Release()
	server, err := postgres.Cluster{
		Binaries: binaries, Dir: filepath.Join(t.TempDir(), "cluster"), Port: port, Password: "secret", Log: t.Output(),
	}.Start(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop(t.Context())
	conn, err := pgx.Connect(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	// A role that may create roles and databases is enough.
	if _, err := conn.Exec(t.Context(), "CREATE ROLE developer LOGIN CREATEROLE CREATEDB PASSWORD 'pass'"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	url := strings.Replace(server.URL, "postgres:secret@", "developer:pass@", 1)

	bin, dir := programs(t), t.TempDir()
	env := []string{"VESTIBULE_POSTGRES_URL=" + url, "VESTIBULE_INTERNAL_SECRET_SERVER_KEY=ssk_chosen", "VESTIBULE_SMTP_URL=smtp://user:hidden@127.0.0.1:2525"}
	for range 2 { // the second time everything is there already
		p := start(t, bin, dir, env...)
		file := p.dev(t)
		if err := healthy(t.Context(), file); err != nil {
			t.Error(err)
		}
		if _, ok := file.PIDs["postgres"]; ok {
			t.Error("a server of its own runs as well")
		}
		if got := file.Databases["teams"]; !strings.Contains(got, "/vestibule_teams?") {
			t.Errorf("database %s", got)
		}
		if got := file.Projects["internal"]; got.SecretServerKey != "ssk_chosen" || !strings.HasPrefix(got.PublishableClientKey, "pck_") {
			t.Errorf("internal project %+v", got)
		}
		if text := p.output.String(); !strings.Contains(text, "127.0.0.1:2525") || strings.Contains(text, "hidden") {
			t.Errorf("welcome:\n%s", text)
		}
		p.stop(t)
	}
}

// Root starts the stack in all the other tests when it runs them, and lends
// the server to another user; here an ordinary user starts it.
func TestRun_ordinaryUser_needsNoRights(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var runAs *syscall.Credential
	if os.Geteuid() == 0 {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		runAs = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if dir, err = os.MkdirTemp("", "vestibule-dev-test-"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	p := launch(t, programs(t), dir, runAs)
	if err := healthy(t.Context(), p.awaitReady(t)); err != nil {
		t.Error(err)
	}
	p.stop(t)
	if p.err != nil {
		t.Errorf("ended with %v\n%s", p.err, p.output)
	}
}
