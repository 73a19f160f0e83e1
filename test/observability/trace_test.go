package observability

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vestibule.dev/test/client"
)

// A sign-up is followed from the edge to the last consumer of its events.
func TestTrace_signUp_isOneThroughAllProcesses(t *testing.T) {
	project, err := client.NewProject(t.Context(), system.BaseURL, system.Projects["internal"], "Traces",
		map[string]any{"create_team_on_sign_up": true})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.For(system.BaseURL, project, client.Public).
		WithHeader("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").
		Do(t.Context(), http.MethodPost, "/auth/password/sign-up", map[string]any{
			"email": client.FreshEmail("traced"), "password": "correct horse battery", "verification_callback_url": "http://localhost:3000/verify",
		})
	if err != nil || answer.Status != http.StatusOK {
		t.Fatal(answer, err)
	}
	// Logs and spans arrive some time after the answer, in no order, and more of
	// them while events are consumed.
	var trace string
	err = client.Poll(t.Context(), func(context.Context) error {
		if trace, err = logged(answer.RequestID(), "gateway"); err != nil {
			return err
		}
		found := spans.of(trace)
		return errors.Join(connected(found), expect(found,
			"gateway", "POST /api/v1/auth/password/sign-up",
			"gateway", "identity.v1.PasswordService/SignUpWithPassword", // the call
			"identity", "identity.v1.PasswordService/SignUpWithPassword", // and its serving
			"identity", "CreateUser", // a statement
			"identity", "AppendEvents",
			"identity", "sessions.v1.SessionInternalService/CreateSession",
			"sessions", "sessions.v1.SessionInternalService/CreateSession",
			"sessions", "CreateSession",
			"identity", "publish identity.v1.user.created",
			"teams", "process ",
			"identity", "notifications.v1.",
			"notifications", "notifications.v1.",
		))
	})
	if err != nil {
		t.Fatal(err)
	}
	if trace == "0af7651916cd43dd8448eb211c80319c" {
		t.Error("a caller chose the id of our trace")
	}
}

// expect reports the first pair of process and span that is missing. Names may
// be beginnings.
func expect(found []span, pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		ok := false
		for _, s := range found {
			ok = ok || s.process == pairs[i] && strings.HasPrefix(s.name, pairs[i+1])
		}
		if !ok {
			var names []string
			for _, s := range found {
				names = append(names, s.process+": "+s.name)
			}
			return fmt.Errorf("%s has no span %q among\n%s", pairs[i], pairs[i+1], strings.Join(names, "\n"))
		}
	}
	return nil
}

// connected reports spans that hang in the air: whoever looks at a trace must be
// able to go from the top to each.
func connected(found []span) error {
	known := map[string]bool{}
	for _, s := range found {
		known[s.id] = true
	}
	for _, s := range found {
		if s.parent != "" && !known[s.parent] {
			return fmt.Errorf("%s: %s hangs in the air", s.process, s.name)
		}
	}
	return nil
}

// logged looks for a line of the process about a request and returns the trace
// that it names.
func logged(request, process string) (trace string, err error) {
	text, err := os.ReadFile(filepath.Join(system.DataDir(), "logs", process+".log"))
	if err != nil {
		return "", err
	}
	for line := range bytes.Lines(text) {
		var fields struct {
			Trace   string `json:"trace_id"`
			Request string `json:"request_id"`
		}
		if json.Unmarshal(line, &fields) == nil && fields.Request == request && fields.Trace != "" {
			return fields.Trace, nil
		}
	}
	return "", fmt.Errorf("no line of %s has request %s and a trace", process, request)
}
