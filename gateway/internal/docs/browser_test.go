package docs

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// api is a made-up API that remembers what the page sent.
type api struct {
	mu       sync.Mutex
	requests map[string]http.Header
	bodies   map[string]string
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.requests[r.URL.Path], a.bodies[r.URL.Path] = r.Header, string(body)
	a.mu.Unlock()
	w.Header().Set("Content-Type", typeJSON)
	switch r.URL.Path {
	case "/api/v1/auth/password/sign-up":
		_, _ = io.WriteString(w, `{"access_token":"jwt","refresh_token":"r","user_id":"u"}`)
	case "/api/v1/users/me":
		_, _ = io.WriteString(w, `{"id":"u"}`)
	default:
		http.NotFound(w, r)
	}
}

// report is what testdata/drive.js saw.
type report struct {
	SignUp, User, Token, Title string
	Operations                 int
	Violations, Failures       []string
}

// driven serves the page with a script that uses it.
func driven(t *testing.T, page http.Handler, reports chan<- report) http.Handler {
	script, err := os.ReadFile("testdata/drive.js")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, r *http.Request) {
		plain := httptest.NewRecorder()
		page.ServeHTTP(plain, r)
		w.Header().Set("Content-Type", plain.Header().Get("Content-Type"))
		w.Header().Set("Content-Security-Policy", plain.Header().Get("Content-Security-Policy"))
		_, _ = io.WriteString(w, strings.Replace(plain.Body.String(), "<head>", `<head><script src="test/drive.js"></script>`, 1))
	})
	mux.HandleFunc("GET /test/drive.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", typeJavaScript)
		_, _ = w.Write(script)
	})
	mux.HandleFunc("POST /test/report", func(w http.ResponseWriter, r *http.Request) {
		var got report
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusNoContent)
		reports <- got
	})
	return mux
}

// browse opens a page in a headless browser, which ends with the test.
func browse(t *testing.T, browser, url string) {
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	profile, err := os.MkdirTemp("", "vestibule-browser-")
	if err != nil {
		t.Fatal(err)
	}
	// The viewer draws what is in sight, so everything has to be.
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-dev-shm-usage", "--window-size=1200,30000", "--user-data-dir="+profile, url)
	// The browser is many processes; all of them end.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		_ = os.RemoveAll(profile)
	})
}

// findBrowser returns "" on machines without one; what the page consists of is
// tested there all the same.
func findBrowser() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func TestPage_inBrowser_signsUpAndStaysSignedIn(t *testing.T) {
	browser := findBrowser()
	if browser == "" {
		t.Log("there is no browser on this machine")
		return
	}
	backend := &api{requests: map[string]http.Header{}, bodies: map[string]string{}}
	reports := make(chan report, 1)
	srv := httptest.NewServer(driven(t, handler(t, backend), reports))
	defer srv.Close()
	browse(t, browser, srv.URL+"/docs")

	var got report
	select {
	case got = <-reports:
	case <-time.After(10 * time.Minute): // a browser is slow on a busy machine
		t.Fatal("the page did not get through")
	}
	if len(got.Violations) > 0 || len(got.Failures) > 0 {
		t.Errorf("violations %q, failures %q", got.Violations, got.Failures)
	}
	if got.SignUp != "200" || got.User != "200" || got.Token != "jwt" {
		t.Errorf("the page shows %+v", got)
	}
	if want := len(described(t).operations()); got.Operations != want {
		t.Errorf("the page shows %d operations, want %d", got.Operations, want)
	}
	backend.mu.Lock()
	defer backend.mu.Unlock()
	for path, want := range map[string]map[string]string{
		"/api/v1/auth/password/sign-up": {"Project-Id": "a-project", "Access-Type": "client", "Publishable-Client-Key": "pck_a", "Access-Token": ""},
		"/api/v1/users/me":              {"Project-Id": "a-project", "Access-Type": "client", "Publishable-Client-Key": "pck_a", "Access-Token": "jwt"},
	} {
		for name, value := range want {
			if got := backend.requests[path].Get(headerPrefix + name); got != value {
				t.Errorf("%s was sent %s %q, want %q", path, name, got, value)
			}
		}
	}
	const example = `{"email":"ada@example.com","password":"correct horse battery"}`
	if body := strings.Join(strings.Fields(backend.bodies["/api/v1/auth/password/sign-up"]), ""); body != strings.ReplaceAll(example, " ", "") {
		t.Errorf("the example of a sign-up is %s", body)
	}
}
