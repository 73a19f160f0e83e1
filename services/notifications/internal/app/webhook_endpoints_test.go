package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

func TestRotateWebhookSecret_overlap_signsWithBoth(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	endpointID, first := f.endpoint(r.URL)
	verify := func(p post, key string) error {
		verifier, err := standardwebhooks.NewWebhook(key)
		if err != nil {
			t.Fatal(err)
		}
		return verifier.Verify(p.body, p.header)
	}
	second, err := f.RotateWebhookSecret(admin(tenant), endpointID, nil)
	if err != nil || second.Reveal() == first {
		t.Fatal(err)
	}
	if current, err := f.GetWebhookSecret(admin(tenant), endpointID); err != nil || current != second {
		t.Errorf("the secret is not the new one, %v", err)
	}
	f.happen("user.created", "user/1", 1)
	f.deliver()
	p := r.all()[0]
	if err := errors.Join(verify(p, first), verify(p, second.Reveal())); err != nil {
		t.Error(err)
	}
	f.exec("UPDATE webhook_endpoints SET old_secret_expires_at = now()")
	f.happen("user.updated", "user/1", 2)
	f.deliver()
	p = r.all()[1]
	if verify(p, first) == nil || verify(p, second.Reveal()) != nil {
		t.Error("the old secret still signs")
	}
	if got := f.query("SELECT string_agg(encode(secret, 'escape') || encode(old_secret, 'escape'), '') FROM webhook_endpoints"); strings.Contains(got, "whsec_") {
		t.Error("secrets are stored in plain text")
	}
}

func TestReplayWebhookMessages_byTimeIDAndEndpoint(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	endpointID, _ := f.endpoint(r.URL)
	f.happen("user.created", "user/1", 1)
	f.happen("team.created", "team/1", 1)
	f.deliver()
	for _, p := range r.all() {
		if p.eventType() == "user.created" {
			f.exec("UPDATE webhook_deliveries SET status = 'failed', attempts = 8 WHERE message_id = $1", p.id())
		}
	}
	late := newReceiver(t)
	lateID, _ := f.endpoint(late.URL, "team.created")
	hour := time.Hour
	replay := func(endpointID string, since time.Time, only app.ReplayOnly) (n int64) {
		t.Helper()
		n, err := f.ReplayWebhookMessages(admin(tenant), endpointID, since, nil, only)
		if err != nil {
			t.Fatal(err)
		}
		for f.deliver() > 0 {
		}
		return n
	}
	if n := replay(endpointID, time.Now().Add(-hour), app.ReplayFailed); n != 1 || len(r.all()) != 3 || r.all()[2].eventType() != "user.created" {
		t.Errorf("%d failed ones were sent again", n)
	}
	if n := replay(endpointID, time.Now().Add(-hour), app.ReplayFailed); n != 0 {
		t.Errorf("%d failed ones were sent again after they had succeeded", n)
	}
	if n := replay(endpointID, time.Now().Add(-hour), app.ReplayMissing); n != 0 {
		t.Errorf("%d are missing", n)
	}
	if n := replay(lateID, time.Now().Add(-hour), app.ReplayMissing); n != 1 || len(late.all()) != 1 {
		t.Errorf("%d were missing", n)
	}
	if n := replay(endpointID, time.Now().Add(-hour), app.ReplayAll); n != 2 || len(r.all()) != 5 {
		t.Errorf("%d of all were sent again", n)
	}
	if n := replay(endpointID, time.Now(), app.ReplayAll); n != 0 {
		t.Errorf("%d are from the future", n)
	}
	messageID := r.all()[0].id()
	if err := f.ResendWebhookMessage(admin(tenant), messageID, endpointID); err != nil || f.deliver() != 1 {
		t.Errorf("resent: %v", err)
	}
	if posts := r.all(); posts[len(posts)-1].id() != messageID {
		t.Error("another message was sent again")
	}
	_, err := f.ReplayWebhookMessages(admin(tenant), endpointID, time.Now(), new(time.Unix(1, 0)), app.ReplayAll)
	if !apierr.HasCode(err, apierr.CodeSchemaError) {
		t.Errorf("a time that ends before it begins: %v", err)
	}
}

func TestSendTestWebhook_outcomes(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	endpointID, _ := f.endpoint(r.URL, "team.created")
	f.workWebhooks(4)
	test := func(endpointID string) string {
		t.Helper()
		for timeout := time.Now().Add(2 * time.Minute); ; {
			problem, err := f.SendTestWebhook(admin(tenant), endpointID)
			if err != nil {
				t.Fatal(err)
			}
			// Who asked is not kept waiting for a busy machine.
			if !strings.Contains(problem, "not answered yet") || time.Now().After(timeout) {
				return problem
			}
		}
	}
	if problem := test(endpointID); problem != "" {
		t.Error(problem)
	}
	posts := r.all()
	var envelope struct {
		Type string
		Data struct{ Message, EndpointURL string }
	}
	if err := json.Unmarshal(posts[0].body, &envelope); err != nil || envelope.Type != "stack.test" || envelope.Data.EndpointURL != r.URL || envelope.Data.Message == "" {
		t.Errorf("body %s", posts[0].body)
	}
	r.answers(func(post) int { return http.StatusTeapot })
	if problem := test(endpointID); !strings.Contains(problem, "418") {
		t.Errorf("refused: %q", problem)
	}
	if problem := test("ep_unknown"); problem == "" {
		t.Error("an unknown endpoint took it")
	}
	if _, err := f.UpdateWebhookEndpoint(admin(tenant), endpointID, app.WebhookEndpointPatch{Disabled: patch.Value(true)}); err != nil {
		t.Fatal(err)
	}
	if problem := test(endpointID); !strings.Contains(problem, "disabled") {
		t.Errorf("disabled: %q", problem)
	}
}

func TestWebhookEndpoints_ofAnotherProject_doNotExist(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	endpointID, _ := f.endpoint(r.URL)
	f.happen("user.created", "user/1", 1)
	f.deliver()
	messageID := r.all()[0].id()
	other := admin(ids.Tenant{ProjectID: "q", BranchID: "main"})
	for name, do := range map[string]func(ctx context.Context, endpointID, messageID string) error{
		"get":    func(ctx context.Context, id, _ string) error { _, err := f.GetWebhookEndpoint(ctx, id); return err },
		"secret": func(ctx context.Context, id, _ string) error { _, err := f.GetWebhookSecret(ctx, id); return err },
		"rotate": func(ctx context.Context, id, _ string) error {
			_, err := f.RotateWebhookSecret(ctx, id, nil)
			return err
		},
		"update": func(ctx context.Context, id, _ string) error {
			_, err := f.UpdateWebhookEndpoint(ctx, id, app.WebhookEndpointPatch{Disabled: patch.Value(true)})
			return err
		},
		"delete": func(ctx context.Context, id, _ string) error { return f.DeleteWebhookEndpoint(ctx, id) },
		"replay": func(ctx context.Context, id, _ string) error {
			_, err := f.ReplayWebhookMessages(ctx, id, time.Unix(0, 0), nil, app.ReplayAll)
			return err
		},
		"attempts": func(ctx context.Context, id, _ string) error {
			_, _, err := f.ListWebhookAttempts(ctx, app.WebhookAttemptFilter{EndpointID: id}, app.Page{})
			return err
		},
		"message": func(ctx context.Context, _, id string) error { _, err := f.GetWebhookMessage(ctx, id); return err },
		"message attempts": func(ctx context.Context, _, id string) error {
			_, _, err := f.ListWebhookAttempts(ctx, app.WebhookAttemptFilter{MessageID: id}, app.Page{})
			return err
		},
		"resend": func(ctx context.Context, endpoint, message string) error {
			return f.ResendWebhookMessage(ctx, message, endpoint)
		},
	} {
		theirs, nobodys := do(other, endpointID, messageID), do(other, "ep_none", "msg_none")
		var known *apierr.Error
		if !errors.As(theirs, &known) || known.HTTP != http.StatusNotFound || theirs.Error() != nobodys.Error() {
			t.Errorf("%s: %v, and of nobody %v", name, theirs, nobodys)
		}
	}
	if endpoints, err := f.ListWebhookEndpoints(other); err != nil || len(endpoints) != 0 {
		t.Errorf("lists %+v, %v", endpoints, err)
	}
	if messages, _, err := f.ListWebhookMessages(other, "", app.Page{}); err != nil || len(messages) != 0 {
		t.Errorf("lists %+v, %v", messages, err)
	}
	if endpoint, err := f.GetWebhookEndpoint(admin(tenant), endpointID); err != nil || endpoint.Disabled {
		t.Errorf("the endpoint became %+v, %v", endpoint, err)
	}
}

func TestCreateWebhookEndpoint_refusals(t *testing.T) {
	f := newFixture(t)
	create := func(url, secret string, types ...string) error {
		var chosen *string
		if secret != "" {
			chosen = &secret
		}
		_, _, err := f.CreateWebhookEndpoint(admin(tenant), app.WebhookEndpointPatch{URL: patch.Value(url), FilterTypes: patch.Value(types)}, chosen)
		return err
	}
	for name, err := range map[string]error{
		"scheme":   create("ftp://example.com", ""),
		"address":  create("https://10.0.0.1/", ""),
		"userinfo": create("https://a:b@example.com/", ""),
		"type":     create("https://example.com", "", "user.exploded"),
		"secret":   create("https://example.com", "whsec_short"),
	} {
		if !apierr.HasCode(err, apierr.CodeSchemaError) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := create("https://example.com/hook?x=1", webhook.NewSecret(), "user.created"); err != nil {
		t.Error(err)
	}
	// Endpoints are counted, also when many are added at once.
	var all sync.WaitGroup
	for range webhook.MaxEndpoints + 20 {
		all.Go(func() { _ = create("https://example.com", "") })
	}
	all.Wait()
	if got := f.query("SELECT count(*)::text FROM webhook_endpoints"); got != strconv.Itoa(webhook.MaxEndpoints) {
		t.Errorf("%s endpoints", got)
	}
}
