package app_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/notifications/internal/domain"
)

const (
	transactional = "7bb82d33-2f54-4a3d-9d23-82739e0d66ef"
	marketing     = "4f6f8873-3d04-46bd-8bef-18338b1a1b4c"
)

// as is a request of the tenant's project; an empty userID is nobody.
func as(t *testing.T, access principal.Access, userID string) context.Context {
	return principal.NewContext(t.Context(), principal.Principal{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Access: access, UserID: userID,
	})
}

// user is somebody identity knows.
func (f *fixture) user(email string) (id string) {
	id = ids.NewUUID()
	f.users.set(func(u *users) { u.known[id] = domain.Contact{PrimaryEmail: email} })
	return id
}

func (f *fixture) wants(userID string) string {
	f.t.Helper()
	preferences, err := f.ListNotificationPreferences(as(f.t, principal.AccessServer, ""), userID)
	if err != nil {
		f.t.Fatal(err)
	}
	var names []string
	for _, p := range preferences {
		if p.Enabled {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, " ")
}

// answer tells an error in one word: its code, or the status of a plain one.
func answer(err error) string {
	var known *apierr.Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &known):
		return err.Error()
	case known.Code != "":
		return known.Code
	}
	return http.StatusText(known.HTTP)
}

// details are those of a known error.
func details(err error) map[string]any {
	var known *apierr.Error
	if errors.As(err, &known) {
		return known.Details
	}
	return nil
}

func TestListNotificationPreferences_callers(t *testing.T) {
	f := newFixture(t)
	me, other, deleted := f.user("a@example.com"), f.user("b@example.com"), ids.NewUUID()
	for _, tt := range []struct {
		ctx    context.Context
		userID string
		want   string
	}{
		{as(t, principal.AccessClient, me), me, ""},
		{as(t, principal.AccessClient, me), strings.ToUpper(me), ""},
		{as(t, principal.AccessClient, me), other, "Forbidden"},
		{as(t, principal.AccessClient, me), ids.NewUUID(), "Forbidden"},
		{as(t, principal.AccessClient, ""), me, "USER_AUTHENTICATION_REQUIRED"},
		{as(t, principal.AccessServer, ""), me, ""},
		{as(t, principal.AccessAdmin, me), other, ""},
		{as(t, principal.AccessServer, ""), ids.NewUUID(), "USER_NOT_FOUND"},
		{as(t, principal.AccessClient, deleted), deleted, "CANNOT_GET_OWN_USER_WITHOUT_USER"},
		{as(t, principal.AccessServer, deleted), deleted, "CANNOT_GET_OWN_USER_WITHOUT_USER"},
		{t.Context(), me, "ACCESS_TYPE_REQUIRED"},
	} {
		if _, err := f.ListNotificationPreferences(tt.ctx, tt.userID); answer(err) != tt.want {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
	preferences, err := f.ListNotificationPreferences(as(t, principal.AccessServer, ""), me)
	if err != nil || len(preferences) != 2 || preferences[0].ID != transactional || preferences[0].CanDisable || preferences[1].ID != marketing || !preferences[1].CanDisable {
		t.Errorf("a fresh user has %+v, %v", preferences, err)
	}
	if got := f.wants(me); got != "Transactional Marketing" {
		t.Errorf("a fresh user wants %q", got)
	}
}

func TestUpdateNotificationPreference_order(t *testing.T) {
	f := newFixture(t)
	me, other, deleted := f.user("a@example.com"), f.user("b@example.com"), ids.NewUUID()
	for _, tt := range []struct {
		ctx              context.Context
		userID, category string
		want             string
	}{
		{as(t, principal.AccessClient, ""), me, ids.NewUUID(), "Not Found"},
		{as(t, principal.AccessClient, ""), me, marketing, "USER_AUTHENTICATION_REQUIRED"},
		{as(t, principal.AccessClient, me), other, marketing, "Forbidden"},
		{as(t, principal.AccessServer, ""), ids.NewUUID(), marketing, "USER_NOT_FOUND"},
		{as(t, principal.AccessClient, deleted), deleted, marketing, "CANNOT_GET_OWN_USER_WITHOUT_USER"},
		{as(t, principal.AccessClient, me), me, strings.ToUpper(marketing), ""},
		{as(t, principal.AccessServer, ""), me, transactional, ""},
	} {
		if _, err := f.UpdateNotificationPreference(tt.ctx, tt.userID, tt.category, false); answer(err) != tt.want {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
	if got := f.wants(me); got != "" {
		t.Errorf("after switching all off the user wants %q", got)
	}
	changed, err := f.UpdateNotificationPreference(as(t, principal.AccessClient, me), me, marketing, true)
	if err != nil || !changed.Enabled || changed.Name != "Marketing" || f.wants(me) != "Marketing" || f.wants(other) != "Transactional Marketing" {
		t.Errorf("%+v, %v", changed, err)
	}
	if got := strings.Join(f.published(), " "); strings.Count(got, "notifications.v1.notification_preference.updated.p") != 3 {
		t.Errorf("published %s", got)
	}
	f.exec("UPDATE notification_preferences SET project_id = 'q'")
	if got := f.wants(me); got != "Transactional Marketing" {
		t.Errorf("another project's choices count: %q", got)
	}
}

// A user is removed while they choose: whichever comes first, nothing is left.
// Without LockUser a choice made at the same time survives.
func TestRemoveUser_whileChoosing_leavesNothing(t *testing.T) {
	f := newFixture(t)
	var all sync.WaitGroup
	for range 40 {
		id := f.user("a@example.com")
		all.Go(func() {
			if _, err := f.UpdateNotificationPreference(as(t, principal.AccessServer, ""), id, marketing, false); err != nil && answer(err) != "USER_NOT_FOUND" {
				t.Error(err)
			}
		})
		all.Go(func() {
			if err := f.RemoveUser(t.Context(), tenant, id); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := f.query("SELECT count(*)::text FROM notification_preferences"); got != "0" {
		t.Errorf("%s choices are left", got)
	}
}

// newsletter queues a marketing mail to a user.
func (f *fixture) newsletter(userID string) (id string) {
	f.t.Helper()
	mail := ask("")
	mail.UserID, mail.Emails = userID, nil
	id = f.enqueue(mail)
	f.exec(`UPDATE emails SET source = $1 WHERE id = $2`, "---\nformat: hx-template/1\nsubject: News\ncategory: Marketing\n---\n<p>News</p>", id)
	return id
}

var linkInText = regexp.MustCompile(`https://api\.example\.com/api/v1/emails/unsubscribe-link\?code=([0-9a-z]{45})`)

func TestUnsubscribe_linkInMail_worksOnce(t *testing.T) {
	f := newFixture(t)
	me := f.user("ada@example.com")
	first := f.newsletter(me)
	f.step(f.App)
	if got := f.row(first); got.status != domain.StatusSent {
		t.Fatalf("the mail is %+v", got)
	}
	header, text, html := parts(t, f.smtp.Received()[0])
	link := linkInText.FindStringSubmatch(text)
	if link == nil || strings.Count(text, link[0]) != 1 || !strings.Contains(html, `href="`+link[0]+`"`) {
		t.Fatalf("the mail lacks the link: %s\n%s", text, html)
	}
	if got := header.Get("List-Unsubscribe"); got != "<"+link[0]+">" || header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		t.Errorf("the headers are %q and %q", got, header.Get("List-Unsubscribe-Post"))
	}
	if got := f.query("SELECT string_agg(u::text, '') FROM unsubscribe_links u"); strings.Contains(got, link[1]) {
		t.Error("the database knows the code")
	}

	var spent atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			again, err := f.Unsubscribe(t.Context(), strings.ToUpper(link[1]))
			if err != nil {
				t.Error(err)
			}
			if !again {
				spent.Add(1)
			}
		})
	}
	all.Wait()
	if spent.Load() != 1 || f.wants(me) != "Transactional" {
		t.Errorf("the link worked %d times, and the user wants %q", spent.Load(), f.wants(me))
	}

	// Once they want it again, the old link takes nothing back.
	if _, err := f.UpdateNotificationPreference(as(t, principal.AccessClient, me), me, marketing, true); err != nil {
		t.Fatal(err)
	}
	if again, err := f.Unsubscribe(t.Context(), link[1]); !again || err != nil || f.wants(me) != "Transactional Marketing" {
		t.Errorf("followed again: %v, %v, the user wants %q", again, err, f.wants(me))
	}

	if _, err := f.UpdateNotificationPreference(as(t, principal.AccessClient, me), me, marketing, false); err != nil {
		t.Fatal(err)
	}
	second, transactionalMail := f.newsletter(me), ask("")
	transactionalMail.UserID, transactionalMail.Emails = me, nil
	third := f.enqueue(transactionalMail)
	f.step(f.App)
	if got := f.row(second); got.status != domain.StatusSkipped || got.skipped != "USER_UNSUBSCRIBED" {
		t.Errorf("the next newsletter is %+v", got)
	}
	if got := f.row(third); got.status != domain.StatusSent {
		t.Errorf("the next transactional mail is %+v", got)
	}
}

func TestUnsubscribe_badCodes(t *testing.T) {
	f := newFixture(t)
	me := f.user("ada@example.com")
	f.newsletter(me)
	f.step(f.App)
	_, text, _ := parts(t, f.smtp.Received()[0])
	code := linkInText.FindStringSubmatch(text)[1]
	for given, want := range map[string]string{
		"":                           "Bad Request",
		code[:44]:                    "Bad Request",
		code + "0":                   "Bad Request",
		ids.Secret():                 "VERIFICATION_CODE_NOT_FOUND",
		strings.Repeat("ä", 45):      "VERIFICATION_CODE_NOT_FOUND",
		strings.Repeat("\x00'%", 15): "VERIFICATION_CODE_NOT_FOUND",
	} {
		if _, err := f.Unsubscribe(t.Context(), given); answer(err) != want {
			t.Errorf("%q: %v, want %s", given, err, want)
		}
	}
	f.exec("UPDATE unsubscribe_links SET expires_at = now()")
	if _, err := f.Unsubscribe(t.Context(), code); answer(err) != "VERIFICATION_CODE_EXPIRED" || f.wants(me) != "Transactional Marketing" {
		t.Errorf("after its time the link answers %v", err)
	}
	f.exec("UPDATE unsubscribe_links SET used_at = now()")
	if _, err := f.Unsubscribe(t.Context(), code); answer(err) != "VERIFICATION_CODE_EXPIRED" {
		t.Errorf("a used one answers %v", err)
	}
	f.exec("UPDATE unsubscribe_links SET expires_at = now() - interval '100 days'")
	f.exec("INSERT INTO removed_users VALUES ('p', 'main', $1, now() - interval '2 days')", ids.NewUUID())
	if err := f.ForgetRemains(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Unsubscribe(t.Context(), code); answer(err) != "VERIFICATION_CODE_NOT_FOUND" || f.query("SELECT count(*)::text FROM removed_users") != "0" {
		t.Errorf("long after its time the link answers %v", err)
	}
}

// Who has no choice is offered none.
func TestRenderEmails_nobodyToUnsubscribe_noLink(t *testing.T) {
	f := newFixture(t)
	me, gone := f.user("ada@example.com"), ids.NewUUID()
	bare := f.newsletter(me)
	f.exec("UPDATE emails SET user_id = NULL, recipient_type = 'custom-emails', recipient_emails = '{b@example.com}' WHERE id = $1", bare)
	f.enqueue(ask("c@example.com"))
	noCategory := f.newsletter(me)
	f.exec("UPDATE emails SET source = $1 WHERE id = $2", "---\nformat: hx-template/1\n---\nx", noCategory)
	overridden := f.newsletter(me)
	f.exec("UPDATE emails SET override_category_id = $1 WHERE id = $2", transactional, overridden)
	f.newsletter(gone)
	f.step(f.App)
	if got := f.smtp.Received(); len(got) != 4 {
		t.Fatalf("received %d mails, want 4", len(got))
	}
	for _, mail := range f.smtp.Received() {
		if strings.Contains(strings.ToLower(mail.Raw), "unsubscribe") {
			t.Errorf("a mail to %v offers to unsubscribe", mail.To)
		}
	}
	if got := f.query("SELECT count(*)::text FROM unsubscribe_links"); got != "0" {
		t.Errorf("%s links exist", got)
	}
}
