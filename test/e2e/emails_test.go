package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

const marketing = "4f6f8873-3d04-46bd-8bef-18338b1a1b4c"

func TestNotificationPreferences_ofOneself_areReadAndChanged(t *testing.T) {
	_, tokens, me := signUp(t, dev)
	list := func(c *client.Client, userID string) []any {
		t.Helper()
		answer := succeed(t, c, http.MethodGet, "/emails/notification-preference/"+userID, nil)
		if answer["is_paginated"] != false {
			t.Errorf("the list is %v", answer)
		}
		return answer["items"].([]any)
	}
	items := list(me, "me")
	if len(items) != 2 || items[0].(map[string]any)["notification_category_name"] != "Transactional" || items[1].(map[string]any)["enabled"] != true {
		t.Errorf("a fresh user has %v", items)
	}
	changed := succeed(t, me, http.MethodPatch, "/emails/notification-preference/me/"+marketing, map[string]any{"enabled": false})
	if changed["enabled"] != false || changed["can_disable"] != true || changed["notification_category_id"] != marketing {
		t.Errorf("the change is answered by %v", changed)
	}
	server := client.For(proxyURL, dev, client.Server)
	if items := list(server, tokens.UserID); items[1].(map[string]any)["enabled"] != false {
		t.Errorf("the server sees %v", items)
	}
	refuse(t, visitor(dev), http.MethodGet, "/emails/notification-preference/me", nil, "CANNOT_GET_OWN_USER_WITHOUT_USER")
	refuse(t, visitor(dev), http.MethodGet, "/emails/notification-preference/"+tokens.UserID, nil, "USER_AUTHENTICATION_REQUIRED")
	refuse(t, me, http.MethodPatch, "/emails/notification-preference/me/"+marketing, map[string]any{"enabled": true, "more": 1}, "SCHEMA_ERROR")
	if response := call(t, me, http.MethodPatch, "/emails/notification-preference/me/"+tokens.UserID, map[string]any{"enabled": true}); response.Status != http.StatusNotFound || response.Code() != "" {
		t.Errorf("an unknown category is answered by %s", response)
	}
}

// mailingProject is a project whose own mail server is the dev mailbox.
func mailingProject(t *testing.T) (project stack.Project, admin *client.Client) {
	t.Helper()
	project = newProject(t, map[string]any{"allow_localhost": true})
	admin = client.For(proxyURL, project, client.Admin)
	host, port, _ := strings.Cut(system.SMTPAddr, ":")
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	server, err := json.Marshal(map[string]any{"emails.server": map[string]any{
		"isShared": false, "provider": "smtp", "host": host, "port": number, "username": "ada", "password": "not checked",
		"senderName": "Ada's shop", "senderEmail": "shop@example.com",
	}})
	if err != nil {
		t.Fatal(err)
	}
	succeed(t, admin, http.MethodPatch, "/internal/config/override/environment", map[string]any{"config_override_string": string(server)})
	return project, admin
}

// awaitEmail waits until the newest mail to a user has a status.
func awaitEmail(t *testing.T, server *client.Client, userID, status string) (email map[string]any) {
	t.Helper()
	err := client.Poll(t.Context(), func(ctx context.Context) error {
		response, err := server.Do(ctx, http.MethodGet, "/emails/outbox", nil)
		if err != nil {
			return err
		}
		items, _ := response.Object()["items"].([]any)
		for _, item := range items {
			email = item.(map[string]any)
			if to, _ := email["to"].(map[string]any); to["user_id"] == userID {
				if email["status"] != status {
					return fmt.Errorf("the mail is %v", email["status"])
				}
				return nil
			}
		}
		return fmt.Errorf("no mail to %s among %d", userID, len(items))
	})
	if err != nil {
		t.Fatal(err)
	}
	return email
}

var unsubscribeLink = regexp.MustCompile(`/api/v1/emails/unsubscribe-link\?code=[0-9a-z]{45}`)

func TestSendEmail_newsletter_untilUnsubscribed(t *testing.T) {
	project, _ := mailingProject(t)
	server := client.For(proxyURL, project, client.Server)
	email, tokens, me := signUp(t, project)
	send := func(category string) {
		t.Helper()
		answer := succeed(t, server, http.MethodPost, "/emails/send-email", map[string]any{
			"user_ids": []string{tokens.UserID}, "html": "<p>There is <b>news</b>.</p>", "subject": "News", "notification_category_name": category,
		})
		if results, _ := answer["results"].([]any); len(results) != 1 || results[0].(map[string]any)["user_id"] != tokens.UserID {
			t.Errorf("answered with %v", answer)
		}
	}
	send("Marketing")
	sent := awaitEmail(t, server, tokens.UserID, "sent")
	if sent["subject"] != "News" || sent["has_delivered"] != true || sent["can_have_delivery_info"] != false || sent["notification_category_id"] != marketing ||
		sent["is_transactional"] != false || sent["created_with"] != "programmatic-call" || sent["email_draft_id"] != nil {
		t.Errorf("the mail is %v", sent)
	}
	mail, err := client.Mailbox{URL: system.MailboxURL}.Await(t.Context(), email, "News")
	if err != nil {
		t.Fatal(err)
	}
	link := unsubscribeLink.FindString(mail.Text)
	if link == "" {
		t.Fatalf("no link in %s", mail.Text)
	}
	nobody := client.New(proxyURL)
	// Scanners of mails look whether a link leads somewhere.
	if page := call(t, nobody, http.MethodHead, link, nil); page.Status != http.StatusOK {
		t.Errorf("HEAD: %s", page)
	}
	if items := succeed(t, me, http.MethodGet, "/emails/notification-preference/me", nil)["items"].([]any); items[1].(map[string]any)["enabled"] != true {
		t.Errorf("after a HEAD of the link the user has %v", items)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodGet} {
		page := call(t, nobody.WithHeader("Content-Type", "application/x-www-form-urlencoded"), method, link, formOf(method))
		if page.Status != http.StatusOK || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %s", method, page)
		}
	}
	items := succeed(t, me, http.MethodGet, "/emails/notification-preference/me", nil)["items"].([]any)
	if items[1].(map[string]any)["enabled"] != false {
		t.Errorf("afterwards the user has %v", items)
	}
	send("Marketing")
	if skipped := awaitEmail(t, server, tokens.UserID, "skipped"); skipped["skipped_reason"] != "USER_UNSUBSCRIBED" || skipped["has_rendered"] != true {
		t.Errorf("the next mail is %v", skipped)
	}
	send("Transactional")
	awaitEmail(t, server, tokens.UserID, "sent")
}

// formOf is what a mail program posts (RFC 8058).
func formOf(method string) any {
	if method == http.MethodPost {
		return []byte("List-Unsubscribe=One-Click")
	}
	return nil
}

func TestSendEmail_refusals(t *testing.T) {
	server := client.For(proxyURL, dev, client.Server)
	refuse(t, visitor(dev), http.MethodPost, "/emails/send-email", map[string]any{}, "INSUFFICIENT_ACCESS_TYPE")
	refuse(t, server, http.MethodPost, "/emails/send-email", map[string]any{"html": "x", "user_ids": []string{}}, "REQUIRES_CUSTOM_EMAIL_SERVER")
	for _, body := range []map[string]any{
		{}, {"html": "x", "draft_id": "y"}, {"html": "x", "variables": map[string]any{}}, {"template_id": "x"},
		{"html": "x", "all_users": false}, {"html": "x", "user_ids": []any{1}}, {"html": "x", "theme_id": true}, {"html": "x", "theme_id": "light"},
		{"html": "x", "user_ids": nil}, {"html": "x", "scheduled_at_millis": 1e300}, {"html": "x", "more": 1},
	} {
		refuse(t, server, http.MethodPost, "/emails/send-email", body, "SCHEMA_ERROR")
	}
	project, _ := mailingProject(t)
	server = client.For(proxyURL, project, client.Server)
	refuse(t, server, http.MethodPost, "/emails/send-email", map[string]any{"html": "x"}, "SCHEMA_ERROR")
	refuse(t, server, http.MethodPost, "/emails/send-email", map[string]any{"html": "x", "all_users": true, "user_ids": []string{}}, "SCHEMA_ERROR")
	stranger := refuse(t, server, http.MethodPost, "/emails/send-email", map[string]any{"html": "x", "user_ids": []string{"x"}}, "USER_ID_DOES_NOT_EXIST")
	if details, _ := stranger.Object()["details"].(map[string]any); details["user_id"] != "x" {
		t.Errorf("the answer is %s", stranger)
	}
	if answer := succeed(t, server, http.MethodPost, "/emails/send-email", map[string]any{"html": "x", "user_ids": []string{}}); fmt.Sprint(answer["results"]) != "[]" {
		t.Errorf("nobody: %v", answer)
	}
}

func TestOutbox_pauseChangeCancel(t *testing.T) {
	project, _ := mailingProject(t)
	server := client.For(proxyURL, project, client.Server)
	email, tokens, _ := signUp(t, project)
	succeed(t, server, http.MethodPost, "/emails/send-email", map[string]any{
		"user_ids": []string{tokens.UserID}, "html": "<p>x</p>", "scheduled_at_millis": time.Now().Add(time.Hour).UnixMilli(),
	})
	scheduled := awaitEmail(t, server, tokens.UserID, "scheduled")
	path := "/emails/outbox/" + scheduled["id"].(string)
	if _, exists := scheduled["started_sending_at_millis"]; exists || scheduled["text"] != "x" || scheduled["notification_category_id"] != nil {
		t.Errorf("the mail is %v", scheduled)
	}
	paused := succeed(t, server, http.MethodPatch, path, map[string]any{"is_paused": true})
	if _, exists := paused["html"]; exists || paused["status"] != "paused" || paused["has_rendered"] != false {
		t.Errorf("the mail is %v", paused)
	}
	changed := succeed(t, server, http.MethodPatch, path, map[string]any{
		"tsx_source": "<p>changed</p>", "theme_id": nil, "to": map[string]any{"type": "custom-emails", "emails": []string{email}}, "is_paused": false,
	})
	if changed["tsx_source"] != "<p>changed</p>" || changed["theme_id"] != nil || changed["simple_status"] != "in-progress" {
		t.Errorf("the mail is %v", changed)
	}
	refuse(t, server, http.MethodPatch, path, map[string]any{"to": map[string]any{"type": "custom-emails", "user_id": tokens.UserID}}, "SCHEMA_ERROR")
	cancelled := succeed(t, server, http.MethodPatch, path, map[string]any{"cancel": true})
	if cancelled["status"] != "skipped" || cancelled["skipped_reason"] != "MANUALLY_CANCELLED" || fmt.Sprint(cancelled["skipped_details"]) != "map[]" {
		t.Errorf("the mail is %v", cancelled)
	}
	refuse(t, server, http.MethodPatch, path, map[string]any{"cancel": true}, "EMAIL_NOT_EDITABLE")
	refuse(t, server, http.MethodGet, "/emails/outbox?status=SENT", nil, "SCHEMA_ERROR")
	for _, query := range []string{"limit=0", "limit=x", "limit=101"} {
		if response := call(t, server, http.MethodGet, "/emails/outbox?"+query, nil); response.Status != http.StatusBadRequest || response.Code() != "" {
			t.Errorf("%s: %s", query, response)
		}
	}
	list := succeed(t, server, http.MethodGet, "/emails/outbox?simple_status=ok&limit=1", nil)
	if list["is_paginated"] != true || len(list["items"].([]any)) != 1 {
		t.Errorf("listed %v", list)
	}
	info := succeed(t, server, http.MethodGet, "/emails/delivery-info", nil)
	if capacity := info["capacity"].(map[string]any); capacity["boost_multiplier"] != 1.0 || capacity["boost_expires_at"] != nil {
		t.Errorf("the capacity is %v", info)
	}
	succeed(t, server, http.MethodPost, "/emails/capacity-boost", map[string]any{})
	refuse(t, server, http.MethodPost, "/emails/capacity-boost", map[string]any{}, "EMAIL_CAPACITY_BOOST_ALREADY_ACTIVE")
}

func TestEmailDesigns_writtenAndUsed(t *testing.T) {
	project, admin := mailingProject(t)
	email, tokens, _ := signUp(t, project)
	template := succeed(t, admin, http.MethodPost, "/internal/email-templates", map[string]any{"display_name": "Welcome"})["id"].(string)
	source := "---\nformat: hx-template/1\nsubject: Welcome, {{ variables.nick }}\ncategory: Transactional\nvariables:\n  nick: string\npreview:\n  nick: Ada\n---\n<p>Hi {{ variables.nick }}</p>"
	rendered := succeed(t, admin, http.MethodPatch, "/internal/email-templates/"+template, map[string]any{"tsx_source": source, "theme_id": false})
	if !strings.Contains(rendered["rendered_html"].(string), "<p>Hi Ada</p>") {
		t.Errorf("rendered %v", rendered)
	}
	for _, bad := range []string{"export function EmailTemplate() {}", "<p>x</p>", "---\nformat: hx-template/1\nsubject: x\n---\nx", ""} {
		refuse(t, admin, http.MethodPatch, "/internal/email-templates/"+template, map[string]any{"tsx_source": bad}, "EMAIL_RENDERING_ERROR")
	}
	templates := succeed(t, admin, http.MethodGet, "/internal/email-templates", nil)["templates"].([]any)
	if last := templates[len(templates)-1].(map[string]any); len(templates) != 8 || last["id"] != template || last["theme_id"] != false || last["tsx_source"] != source {
		t.Errorf("the templates are %v", templates)
	}
	theme := succeed(t, admin, http.MethodPost, "/internal/email-themes", map[string]any{"display_name": "Ours"})["id"].(string)
	ours := "---\nformat: hx-template/1\n---\n<html><body><h6>Ours</h6>{{ children }}</body></html>"
	succeed(t, admin, http.MethodPatch, "/internal/email-themes/"+theme, map[string]any{"tsx_source": ours})
	if got := succeed(t, admin, http.MethodGet, "/internal/email-themes/"+theme, nil); got["tsx_source"] != ours || got["display_name"] != "Ours" {
		t.Errorf("the theme is %v", got)
	}
	preview := succeed(t, admin, http.MethodPost, "/emails/render-email", map[string]any{"template_id": template, "theme_id": theme})
	if !strings.Contains(preview["html"].(string), "<h6>Ours</h6>") || preview["subject"] != "Welcome, Ada" || preview["notification_category"] != "Transactional" {
		t.Errorf("the preview is %v", preview)
	}
	server := client.For(proxyURL, project, client.Server)
	succeed(t, server, http.MethodPost, "/emails/send-email", map[string]any{
		"user_ids": []string{tokens.UserID}, "template_id": template, "variables": map[string]any{"nick": "Countess"}, "theme_id": theme,
	})
	mail, err := client.Mailbox{URL: system.MailboxURL}.Await(t.Context(), email, "Welcome, Countess")
	if err != nil || !strings.Contains(mail.HTML, "<h6>Ours</h6>") {
		t.Errorf("%v, %v", mail, err)
	}
	succeed(t, admin, http.MethodDelete, "/internal/email-themes/"+theme, nil)
	succeed(t, admin, http.MethodDelete, "/internal/email-templates/"+template, nil)
	if response := call(t, admin, http.MethodDelete, "/internal/email-templates/"+template, nil); response.Status != http.StatusNotFound {
		t.Errorf("deleted again: %s", response)
	}

	draft := succeed(t, admin, http.MethodPost, "/internal/email-drafts", map[string]any{"display_name": "Spring"})["id"].(string)
	succeed(t, server, http.MethodPost, "/emails/send-email", map[string]any{"all_users": true, "draft_id": draft})
	if got := awaitEmail(t, server, tokens.UserID, "sent"); got["email_draft_id"] != draft || got["created_with"] != "draft" {
		t.Errorf("the mail is %v", got)
	}
	if got := succeed(t, admin, http.MethodGet, "/internal/email-drafts/"+draft, nil); got["sent_at_millis"] == nil {
		t.Errorf("the draft is %v", got)
	}
	succeed(t, admin, http.MethodDelete, "/internal/email-drafts/"+draft, nil)
	if items := succeed(t, admin, http.MethodGet, "/internal/emails", nil)["items"].([]any); len(items) != 2 {
		t.Errorf("the mails are %v", items)
	}
}

func TestSendTestEmail_andInvitation(t *testing.T) {
	project, admin := mailingProject(t)
	host, port, _ := strings.Cut(system.SMTPAddr, ":")
	to := client.FreshEmail("tester")
	try := func(port string) map[string]any {
		return succeed(t, admin, http.MethodPost, "/internal/send-test-email", map[string]any{
			"recipient_email": to, "email_config": map[string]any{
				"host": host, "port": json.Number(port), "username": "u", "password": "p", "sender_name": "S", "sender_email": "s@example.com",
			},
		})
	}
	if got := try(port); got["success"] != true || len(got) != 1 {
		t.Errorf("a test is answered by %v", got)
	}
	if got := try("1"); got["success"] != false || got["error_message"] == "" {
		t.Errorf("a test of nothing is answered by %v", got)
	}
	invitee := client.FreshEmail("invitee")
	server := client.For(proxyURL, project, client.Server)
	succeed(t, server, http.MethodPost, "/internal/send-sign-in-invitation", map[string]any{"email": invitee, "callback_url": "http://localhost:3000/in"})
	mail, err := client.Mailbox{URL: system.MailboxURL}.Await(t.Context(), invitee, "invited to sign in")
	if err != nil || !strings.Contains(mail.Text, "http://localhost:3000/in") {
		t.Errorf("%v, %v", mail, err)
	}
	refuse(t, server, http.MethodPost, "/internal/send-sign-in-invitation", map[string]any{"email": invitee, "callback_url": "https://evil.example"}, "REDIRECT_URL_NOT_WHITELISTED")
	refuse(t, visitor(project), http.MethodGet, "/internal/email-queue-step", nil, "SCHEMA_ERROR")
	if response := call(t, client.New(proxyURL).WithHeader("Authorization", "Bearer x"), http.MethodGet, "/internal/email-queue-step", nil); response.Status != http.StatusUnauthorized || response.Code() != "" {
		t.Errorf("the wrong secret is answered by %s", response)
	}
	refuse(t, visitor(project), http.MethodPost, "/internal/failed-emails-digest?dry_run=true", nil, "SCHEMA_ERROR")
	if response := call(t, client.New(proxyURL).WithHeader("Authorization", "Bearer x"), http.MethodPost, "/internal/failed-emails-digest", nil); response.Status != http.StatusUnauthorized || response.Code() != "" {
		t.Errorf("the wrong secret is answered by %s", response)
	}
	if items := succeed(t, admin, http.MethodGet, "/internal/emails/managed-onboarding/list", nil)["items"].([]any); len(items) != 0 {
		t.Errorf("managed domains: %v", items)
	}
}
