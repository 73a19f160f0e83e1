package observability

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

// scrape returns the series of a process, by metric name.
func scrape(ctx context.Context, process string) (map[string][]string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+system.Ops[process]+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	found := map[string][]string{}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		name := line[:strings.IndexAny(line, "{ ")]
		found[name] = append(found[name], line)
	}
	if answer.StatusCode != http.StatusOK || lines.Err() != nil {
		return nil, fmt.Errorf("%s answered %s, %v", process, answer.Status, lines.Err())
	}
	return found, nil
}

// use makes one request of each kind, so that everything has been measured.
func use(t *testing.T) {
	t.Helper()
	visitor := client.For(system.BaseURL, system.Projects["dev"], client.Public)
	tokens, err := visitor.SignUp(t.Context(), client.FreshEmail("measured"), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if err := visitor.SignedIn(tokens).Expect(t.Context(), http.MethodGet, "/users/me", nil, nil); err != nil {
		t.Fatal(err)
	}
	if answer, err := visitor.Do(t.Context(), http.MethodGet, "/users/"+tokens.UserID+"/nothing", nil); err != nil || answer.Status != http.StatusNotFound {
		t.Fatal(answer, err)
	}
}

func TestMetrics_everyProcess_hasItsOwn(t *testing.T) {
	use(t)
	// A request is counted when it has been answered, and figures that others
	// have to be asked for may miss a page.
	if err := client.Poll(t.Context(), complete); err != nil {
		t.Error(err)
	}
}

// complete reports the series that a process lacks.
func complete(ctx context.Context) error {
	var errs []error
	shared := []string{
		"rpc_server_call_duration_seconds_count", "vestibule_requests_in_flight", "vestibule_requests_in_flight_limit",
		"vestibule_requests_shed_total", "vestibule_db_connections_used", "vestibule_db_acquire_wait_seconds_total",
		"vestibule_queue_waiting", "vestibule_queue_oldest_age_seconds", "vestibule_inbox_parked", "go_goroutines",
	}
	for _, process := range stack.Processes {
		found, err := scrape(ctx, process)
		if err != nil {
			return err
		}
		want := shared
		if process == "gateway" {
			want = []string{"http_server_request_duration_seconds_count", "vestibule_requests_in_flight", "vestibule_requests_rate_limited_total", "vestibule_bodies_bytes"}
		}
		for _, name := range want {
			// Some services have no caller in this test.
			called := slices.Contains([]string{"identity", "sessions"}, process)
			if len(found[name]) == 0 && (called || !strings.HasPrefix(name, "rpc_")) {
				errs = append(errs, fmt.Errorf("%s has no %s", process, name))
			}
		}
	}
	for process, series := range map[string][]string{
		"gateway": {
			`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/api/v1/users/me"}`,
			`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="404",http_route=""}`,
		},
		"identity": {
			`rpc_server_call_duration_seconds_count{rpc_method="identity.v1.UserService/GetCurrentUser",rpc_response_status_code="OK"}`,
			`vestibule_gate_limit{gate="password hashing"}`, `vestibule_queue_waiting{queue="courier"}`, `vestibule_queue_waiting{queue="outbox"}`,
			`vestibule_consumer_pending{consumer="identity-teams"}`,
		},
		"notifications": {
			`vestibule_queue_oldest_age_seconds{queue="mail"}`, `vestibule_queue_oldest_age_seconds{queue="webhook"}`,
			`vestibule_mails_total{kind="AUTH_FAILED",outcome="failed"}`, `vestibule_webhook_attempts_total{outcome="refused"}`,
			`vestibule_webhook_losses_total{kind="endpoint"}`, `vestibule_consumer_pending{consumer="notifications-webhooks-teams"}`,
		},
	} {
		found, err := scrape(ctx, process)
		if err != nil {
			return err
		}
		for _, want := range series {
			name := want[:strings.Index(want, "{")]
			if !slices.ContainsFunc(found[name], func(line string) bool { return strings.HasPrefix(line, want+" ") }) {
				errs = append(errs, fmt.Errorf("%s has no %s among %q", process, want, found[name]))
			}
		}
	}
	return errors.Join(errs...)
}

// Labels come from small sets: an id or an address in one would make a series
// for each.
func TestMetrics_labels_holdNoIDs(t *testing.T) {
	use(t)
	odd := regexp.MustCompile(`"[^"]*([0-9a-f]{8}-[0-9a-f]{4}-|@)[^"]*"`)
	for _, process := range stack.Processes {
		found, err := scrape(t.Context(), process)
		if err != nil {
			t.Fatal(err)
		}
		for name, series := range found {
			for _, line := range series {
				if odd.MatchString(line) {
					t.Errorf("%s: %s: %s", process, name, line)
				}
			}
		}
	}
}

// names of metrics in an expression: words that no bracket or equals sign makes
// into something else.
var metricName = regexp.MustCompile(`\b(?:rpc|http|vestibule|go|process)_[a-z0-9_]+\b`)

// labels look like metrics and are none.
var labels = []string{"rpc_method", "rpc_response_status_code", "http_route", "http_request_method", "http_response_status_code"}

// What dashboards and alerts ask for is there.
func TestDashboardsAndAlerts_metrics_exist(t *testing.T) {
	use(t)
	if err := client.Poll(t.Context(), complete); err != nil {
		t.Fatal(err)
	}
	exported := map[string]bool{}
	for _, process := range stack.Processes {
		found, err := scrape(t.Context(), process)
		if err != nil {
			t.Fatal(err)
		}
		for name := range found {
			exported[name] = true
		}
	}
	expressions, err := expressionsOf(filepath.Join("..", "..", "deploy", "helm", "observability"))
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for place, expression := range expressions {
		names := metricName.FindAllString(expression, -1)
		if len(names) == 0 && !strings.Contains(expression, "up{") {
			t.Errorf("%s asks for nothing of ours: %s", place, expression)
		}
		for _, name := range names {
			asked[name] = true
			if !exported[name] && !slices.Contains(labels, name) {
				t.Errorf("%s asks for %s, which nobody exports", place, name)
			}
		}
	}
	if len(asked) < 15 {
		t.Errorf("only %d names were found; the search is broken", len(asked))
	}
	// And what is there to act on is shown.
	for name := range exported {
		base := strings.TrimSuffix(strings.TrimSuffix(name, "_count"), "_sum")
		if strings.HasPrefix(name, "vestibule_") && !asked[name] && !asked[base] {
			t.Errorf("no dashboard and no alert asks for %s", name)
		}
	}
}

// expressionsOf collects the queries of all dashboards and alert rules below a
// directory, by where they stand.
func expressionsOf(dir string) (map[string]string, error) {
	found := map[string]string{}
	dashboards, err := filepath.Glob(filepath.Join(dir, "dashboards", "*.json"))
	if err != nil {
		return nil, err
	}
	for _, path := range dashboards {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var dashboard struct {
			Title  string `json:"title"`
			UID    string `json:"uid"`
			Panels []struct {
				Title   string `json:"title"`
				Targets []struct {
					Expression string `json:"expr"`
				} `json:"targets"`
			} `json:"panels"`
		}
		if err := json.Unmarshal(text, &dashboard); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if dashboard.Title == "" || dashboard.UID == "" || len(dashboard.Panels) == 0 {
			return nil, fmt.Errorf("%s is no dashboard", path)
		}
		for _, panel := range dashboard.Panels {
			for i, target := range panel.Targets {
				found[fmt.Sprintf("%s: %s %d", filepath.Base(path), panel.Title, i)] = target.Expression
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "alerts.yaml"))
	if err != nil {
		return nil, err
	}
	var rules struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Record      string            `yaml:"record"`
				Expression  string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		return nil, err
	}
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" || rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" || rule.Annotations["runbook"] == "" {
				return nil, fmt.Errorf("a rule of %s lacks a name, severity, summary or runbook: %+v", group.Name, rule)
			}
			found["alert "+rule.Alert] = rule.Expression
		}
	}
	return found, nil
}
