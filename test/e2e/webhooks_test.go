package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"vestibule.dev/test/client"
)

// webhook is one delivery that a receiver got and verified.
type webhook struct {
	id   string
	at   time.Time
	Type string         `json:"type"`
	Data map[string]any `json:"data"`
}

// receiver is a project's endpoint that verifies what it gets.
type receiver struct {
	*httptest.Server

	t        *testing.T
	mu       sync.Mutex
	verifier *standardwebhooks.Webhook
	got      []webhook
	more     chan struct{}
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, more: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if err := r.verifier.Verify(body, req.Header); err != nil {
			t.Errorf("a delivery does not verify: %v", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		hook := webhook{id: req.Header.Get("svix-id"), at: time.Now()}
		if err := json.Unmarshal(body, &hook); err != nil {
			t.Errorf("a delivery is no JSON: %v", err)
		}
		r.got = append(r.got, hook)
		select {
		case r.more <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) trust(secret string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	if r.verifier, err = standardwebhooks.NewWebhook(secret); err != nil {
		r.t.Fatal(err)
	}
}

// await returns the deliveries once there is one of the type about the id.
func (r *receiver) await(eventType, id string) ([]webhook, webhook) {
	r.t.Helper()
	timeout := time.After(client.Patience)
	for {
		r.mu.Lock()
		got := slices.Clone(r.got)
		r.mu.Unlock()
		for _, hook := range got {
			if hook.Type == eventType && (id == "" || hook.Data["id"] == id) {
				return got, hook
			}
		}
		select {
		case <-r.more:
		case <-timeout:
			r.t.Fatalf("no %s of %s in %v", eventType, id, got)
		}
	}
}

func TestWebhooks_signUpToDeletion_areDelivered(t *testing.T) {
	project, admin, _ := newAdmin(t)
	r := newReceiver(t)
	created := succeed(t, admin, http.MethodPost, "/webhooks/endpoints", map[string]any{"url": r.URL + "/hook", "description": "mine"})
	endpoint, _ := created["id"].(string)
	secret, _ := created["secret"].(string)
	r.trust(secret)
	if shown := succeed(t, admin, http.MethodGet, "/webhooks/endpoints/"+endpoint+"/secret", nil)["secret"]; shown != secret {
		t.Error("the secret is another one")
	}
	if tested := succeed(t, admin, http.MethodPost, "/internal/send-test-webhook", map[string]any{"endpoint_id": endpoint}); tested["success"] != true {
		t.Errorf("test: %v", tested)
	}
	if _, hook := r.await("stack.test", ""); hook.Data["endpointUrl"] != r.URL+"/hook" {
		t.Errorf("test message %v", hook.Data)
	}

	begin := time.Now()
	email, tokens, me := signUp(t, project)
	got, hook := r.await("user.created", tokens.UserID)
	if hook.Data["primary_email"] != email || hook.Data["selected_team"] != nil {
		t.Errorf("the user is %v", hook.Data)
	}
	if team, _ := succeed(t, me, http.MethodGet, "/users/me", nil)["selected_team_id"].(string); team != "" {
		isTeam := func(h webhook) bool { return h.Type == "team.created" && h.Data["id"] == team }
		isUser := func(h webhook) bool { return h.id == hook.id }
		// The user waits ten seconds for the team, and no longer.
		if at := slices.IndexFunc(got, isTeam); (at < 0 || at > slices.IndexFunc(got, isUser)) && hook.at.Sub(begin) < 10*time.Second {
			t.Errorf("the personal team did not come before its user: %v", got)
		}
	}
	succeed(t, me, http.MethodPatch, "/users/me", map[string]any{"display_name": "Ada"})
	if _, updated := r.await("user.updated", tokens.UserID); updated.Data["display_name"] != "Ada" || updated.id == hook.id {
		t.Errorf("the user became %v", updated.Data)
	}

	// What was sent can be looked up and sent again.
	message := succeed(t, admin, http.MethodGet, "/webhooks/messages/"+hook.id, nil)
	if message["event_type"] != "user.created" {
		t.Errorf("the message is %v", message)
	}
	attempts, _ := succeed(t, admin, http.MethodGet, "/webhooks/messages/"+hook.id+"/attempts", nil)["items"].([]any)
	if len(attempts) != 1 {
		t.Fatalf("attempts %v", attempts)
	}
	if attempt, _ := attempts[0].(map[string]any); attempt["status"] != "succeeded" || attempt["response_status"] != 200.0 {
		t.Errorf("the attempt is %v", attempt)
	}
	before := len(got)
	succeed(t, admin, http.MethodPost, "/webhooks/messages/"+hook.id+"/endpoints/"+endpoint+"/resend", nil)
	replayed := succeed(t, admin, http.MethodPost, "/webhooks/endpoints/"+endpoint+"/replay", map[string]any{"since_millis": 0, "only": "missing"})
	if replayed["messages"] != 0.0 {
		t.Errorf("%v were missing", replayed["messages"])
	}
	timeout := time.After(client.Patience)
	for again := 0; again < 2; {
		r.mu.Lock()
		got, again = slices.Clone(r.got), 0
		r.mu.Unlock()
		for _, h := range got {
			if h.id == hook.id {
				again++
			}
		}
		if again < 2 {
			select {
			case <-r.more:
			case <-timeout:
				t.Fatalf("was not sent again; %d before, %d now", before, len(got))
			}
		}
	}

	succeed(t, me, http.MethodDelete, "/users/me", nil)
	r.await("user.deleted", tokens.UserID)

	succeed(t, admin, http.MethodPatch, "/webhooks/endpoints/"+endpoint, map[string]any{"filter_types": []string{}, "disabled": true})
	refuse(t, admin, http.MethodPatch, "/webhooks/endpoints/"+endpoint, map[string]any{"filter_types": []string{"user.exploded"}}, "SCHEMA_ERROR")
	refuse(t, admin, http.MethodPost, "/webhooks/endpoints", map[string]any{"url": "https://169.254.169.254/latest"}, "SCHEMA_ERROR")
	succeed(t, admin, http.MethodDelete, "/webhooks/endpoints/"+endpoint, nil)
	if gone := call(t, admin, http.MethodGet, "/webhooks/endpoints/"+endpoint, nil); gone.Status != http.StatusNotFound || gone.Code() != "" {
		t.Errorf("a deleted endpoint: %s", gone)
	}
}
