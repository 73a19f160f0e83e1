package app_test

import (
	"context"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
)

// addChannel gives a user another address through the server API.
func (h *harness) addChannel(channel app.NewContactChannel) string {
	h.t.Helper()
	created, err := h.CreateContactChannel(h.server(), channel)
	if err != nil {
		h.t.Fatal(err)
	}
	return created.ID
}

func TestCreateContactChannel_own_isStoredAndTold(t *testing.T) {
	h := newHarness(t)
	ada := h.signUp("ada@example.com")
	created, err := h.CreateContactChannel(h.as(principal.AccessClient, ada), app.NewContactChannel{UserID: ada, Value: "Ada@Work.example"})
	if err != nil {
		t.Fatal(err)
	}
	if created.Value != "ada@work.example" || created.IsVerified || created.IsPrimary || created.UsedForAuth || created.UserID != ada || created.Type != "email" {
		t.Errorf("created %+v", created)
	}
	if got := h.channels(ada); got != "ada@example.com primary auth; ada@work.example" {
		t.Errorf("channels: %s", got)
	}
	events := h.events()
	if facts(events) != "contact_channel.created" || events[0].GetContactChannelCreated().GetContactChannel().GetFields()["value"].GetStringValue() != "ada@work.example" {
		t.Errorf("events %v", events)
	}
}

func TestCreateContactChannel_primary_replacesThePrimary(t *testing.T) {
	h := newHarness(t)
	ada := h.signUp("ada@example.com")
	h.addChannel(app.NewContactChannel{UserID: ada, Value: "ada@work.example", IsPrimary: true, IsVerified: true, UsedForAuth: true})
	if got := h.channels(ada); got != "ada@example.com auth; ada@work.example primary verified auth" {
		t.Errorf("channels: %s", got)
	}
	if user := h.me(ada); user.Email() != "ada@work.example" || !user.EmailVerified() {
		t.Errorf("user %+v", user.PrimaryEmail)
	}
	if _, err := h.SignInWithPassword(h.client(), "ada@work.example", password); err != nil {
		t.Errorf("sign in with the new address: %v", err)
	}
}

func TestCreateContactChannel_refusals_changeNothing(t *testing.T) {
	h := newHarness(t)
	ada, eve, gone := h.signUp("ada@example.com"), h.signUp("eve@example.com"), h.signUp("gone@example.com")
	h.addChannel(app.NewContactChannel{UserID: ada, Value: "ada@work.example"})
	if err := h.deleteUser(gone); err != nil {
		t.Fatal(err)
	}
	h.events()
	client := h.as(principal.AccessClient, ada)
	create := func(ctx context.Context, userID, value string, usedForAuth bool) error {
		_, err := h.CreateContactChannel(ctx, app.NewContactChannel{UserID: userID, Value: value, UsedForAuth: usedForAuth, IsPrimary: true})
		return err
	}
	wantError(t, create(h.client(), ada, "new@example.com", false), apierr.CannotGetOwnUserWithoutUser())
	wantError(t, create(h.as(principal.AccessClient, gone), gone, "new@example.com", false), apierr.CannotGetOwnUserWithoutUser())
	if err := create(client, eve, "new@example.com", false); !isText(err, 403) {
		t.Errorf("another user: %v", err)
	}
	// An unknown user comes before a taken address.
	wantError(t, create(h.server(), gone, "ada@example.com", true), apierr.UserNotFound())
	// The user's own address comes before one that others sign in with.
	for _, value := range []string{"ada@work.example", "ADA@example.com"} {
		if err := create(client, ada, value, true); !isText(err, 400) {
			t.Errorf("the own address %s again: %v", value, err)
		}
	}
	err := create(client, ada, "Eve@example.com", true)
	wantError(t, err, apierr.ContactChannelAlreadyUsedForAuthBySomeoneElse("email", "eve@example.com", false))
	if details := err.(*apierr.Error).Details; details["contact_channel_value"] != "eve@example.com" || details["type"] != "email" || details["would_work_if_email_was_verified"] != false {
		t.Errorf("details %v", details)
	}
	if got := h.channels(ada); got != "ada@example.com primary auth; ada@work.example" {
		t.Errorf("channels: %s", got)
	}
	if got := facts(h.events()); got != "" {
		t.Errorf("events %s", got)
	}
	if err := create(client, ada, "eve@example.com", false); err != nil {
		t.Errorf("an address that somebody else signs in with, not for sign-in: %v", err)
	}
}

func TestGetContactChannel_callers_seeWhatTheyMay(t *testing.T) {
	h := newHarness(t)
	ada, eve := h.signUp("ada@example.com"), h.signUp("eve@example.com")
	channelID := h.channel(ada, "ada@example.com")
	other := h.as(principal.AccessServer, "", func(p *principal.Principal) { p.ProjectID = ids.NewUUID() })
	for name, ctx := range map[string]context.Context{"client": h.as(principal.AccessClient, ada), "server": h.server()} {
		if got, err := h.GetContactChannel(ctx, ada, channelID); err != nil || got.Value != "ada@example.com" || !got.IsPrimary || !got.UsedForAuth || got.UserID != ada {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, tt := range map[string]struct {
		ctx       context.Context
		userID    string
		channelID string
		status    int
	}{
		"client, another user":    {h.as(principal.AccessClient, eve), ada, channelID, 403},
		"client, unknown channel": {h.as(principal.AccessClient, ada), ada, ids.NewUUID(), 404},
		"server, unknown channel": {h.server(), ada, ids.NewUUID(), 404},
		"server, unknown user":    {h.server(), ids.NewUUID(), channelID, 404},
		"server, wrong user":      {h.server(), eve, channelID, 404},
		"server, other project":   {other, ada, channelID, 404},
	} {
		if _, err := h.GetContactChannel(tt.ctx, tt.userID, tt.channelID); !isText(err, tt.status) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := h.GetContactChannel(h.client(), ada, channelID)
	wantError(t, err, apierr.CannotGetOwnUserWithoutUser())
	gone := h.as(principal.AccessClient, ids.NewUUID())
	caller, _ := principal.FromContext(gone)
	_, err = h.GetContactChannel(gone, caller.UserID, channelID)
	wantError(t, err, apierr.CannotGetOwnUserWithoutUser())
	_, err = h.ListContactChannels(gone, app.ContactChannelFilter{UserID: caller.UserID})
	wantError(t, err, apierr.CannotGetOwnUserWithoutUser())
}

func TestUpdateContactChannel_fields_followTheRules(t *testing.T) {
	h := newHarness(t)
	ada := h.signUp("ada@example.com")
	work := h.addChannel(app.NewContactChannel{UserID: ada, Value: "ada@work.example", IsVerified: true})
	h.events()
	client := h.as(principal.AccessClient, ada)
	for _, step := range []struct {
		name   string
		ctx    context.Context
		fields app.ContactChannelPatch
		want   string
	}{
		{"nothing", client, app.ContactChannelPatch{}, "ada@example.com primary auth; ada@work.example verified"},
		{"primary", client, app.ContactChannelPatch{IsPrimary: patch.Value(true)}, "ada@example.com auth; ada@work.example primary verified"},
		{"primary again", client, app.ContactChannelPatch{IsPrimary: patch.Value(true)}, "ada@example.com auth; ada@work.example primary verified"},
		{"same value again", client, app.ContactChannelPatch{Value: patch.Value("ADA@work.example")}, "ada@example.com auth; ada@work.example primary"},
		{"verified by the server", h.server(), app.ContactChannelPatch{IsVerified: patch.Value(true)}, "ada@example.com auth; ada@work.example primary verified"},
		{"value with flag", h.server(), app.ContactChannelPatch{Value: patch.Value("ada@home.example"), IsVerified: patch.Value(true)}, "ada@example.com auth; ada@home.example primary verified"},
		{"value and auth", client, app.ContactChannelPatch{Value: patch.Value("ada@new.example"), UsedForAuth: patch.Value(true)}, "ada@example.com auth; ada@new.example primary auth"},
		{"no primary", client, app.ContactChannelPatch{IsPrimary: patch.Value(false)}, "ada@example.com auth; ada@new.example auth"},
	} {
		if _, err := h.UpdateContactChannel(step.ctx, ada, work, step.fields); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := h.channels(ada); got != step.want {
			t.Errorf("%s: %s, want %s", step.name, got, step.want)
		}
		if got := facts(h.events()); got != "contact_channel.updated" {
			t.Errorf("%s: events %s", step.name, got)
		}
	}
	if user := h.me(ada); user.PrimaryEmail != nil {
		t.Errorf("primary e-mail %+v", user.PrimaryEmail)
	}
}

func TestUpdateContactChannel_refusals_changeNothing(t *testing.T) {
	h := newHarness(t)
	ada, eve := h.signUp("ada@example.com"), h.signUp("eve@example.com")
	work := h.addChannel(app.NewContactChannel{UserID: ada, Value: "ada@work.example"})
	same := h.addChannel(app.NewContactChannel{UserID: ada, Value: "eve@example.com"})
	h.events()
	client := h.as(principal.AccessClient, ada)
	update := func(ctx context.Context, userID, channelID string, fields app.ContactChannelPatch) error {
		_, err := h.UpdateContactChannel(ctx, userID, channelID, fields)
		return err
	}
	value := func(value string) app.ContactChannelPatch {
		return app.ContactChannelPatch{Value: patch.Value(value), IsPrimary: patch.Value(true)}
	}
	wantError(t, update(h.client(), ada, work, value("new@example.com")), apierr.CannotGetOwnUserWithoutUser())
	gone := ids.NewUUID()
	wantError(t, update(h.as(principal.AccessClient, gone), gone, work, value("new@example.com")), apierr.CannotGetOwnUserWithoutUser())
	for name, tt := range map[string]struct {
		err    error
		status int
	}{
		"another user":    {update(client, eve, work, value("new@example.com")), 403},
		"unknown channel": {update(client, ada, ids.NewUUID(), value("new@example.com")), 400},
		"unknown user":    {update(h.server(), gone, work, value("new@example.com")), 400},
		"wrong user":      {update(h.server(), eve, work, value("new@example.com")), 400},
		"own address":     {update(client, ada, work, value("ada@example.com")), 400},
	} {
		if !isText(tt.err, tt.status) {
			t.Errorf("%s: %v", name, tt.err)
		}
	}
	err := update(client, ada, same, app.ContactChannelPatch{UsedForAuth: patch.Value(true)})
	wantError(t, err, apierr.ContactChannelAlreadyUsedForAuthBySomeoneElse("email", "", false))
	bob := h.signUp("bob@example.com")
	err = update(h.server(), bob, h.channel(bob, "bob@example.com"), value("ada@example.com"))
	wantError(t, err, apierr.ContactChannelAlreadyUsedForAuthBySomeoneElse("email", "", false))
	if details := err.(*apierr.Error).Details; details["contact_channel_value"] != nil {
		t.Errorf("details %v", details)
	}
	if got := h.channels(ada); got != "ada@example.com primary auth; ada@work.example; eve@example.com" {
		t.Errorf("channels: %s", got)
	}
	if got := facts(h.events()); got != "" {
		t.Errorf("events %s", got)
	}
}

func TestDeleteContactChannel_lastPrimary_leavesTheUser(t *testing.T) {
	h := newHarness(t)
	ada, eve := h.signUp("ada@example.com"), h.signUp("eve@example.com")
	channelID := h.channel(ada, "ada@example.com")
	client := h.as(principal.AccessClient, ada)
	for name, tt := range map[string]struct {
		err    error
		status int
	}{
		"another user":    {h.DeleteContactChannel(h.as(principal.AccessClient, eve), ada, channelID), 403},
		"unknown channel": {h.DeleteContactChannel(client, ada, ids.NewUUID()), 400},
		"wrong user":      {h.DeleteContactChannel(h.server(), eve, channelID), 400},
		"unknown user":    {h.DeleteContactChannel(h.server(), ids.NewUUID(), channelID), 400},
	} {
		if !isText(tt.err, tt.status) {
			t.Errorf("%s: %v", name, tt.err)
		}
	}
	wantError(t, h.DeleteContactChannel(h.client(), ada, channelID), apierr.CannotGetOwnUserWithoutUser())
	if got := facts(h.events()); got != "" {
		t.Errorf("events %s", got)
	}
	if err := h.DeleteContactChannel(client, ada, channelID); err != nil {
		t.Fatal(err)
	}
	if got := facts(h.events()); got != "contact_channel.deleted" {
		t.Errorf("events %s", got)
	}
	if user := h.me(ada); user.PrimaryEmail != nil || !user.HasPassword {
		t.Errorf("user %+v", user)
	}
	// The address is free again.
	h.signUp("ada@example.com")
}

// Without the lock of the user several are primary, or nobody gets through.
func TestContactChannels_primaryMovedInParallel_oneIsPrimary(t *testing.T) {
	h := newHarness(t)
	ada := h.signUp("ada@example.com")
	channels := []string{h.channel(ada, "ada@example.com")}
	for _, value := range []string{"b@example.com", "c@example.com", "d@example.com"} {
		channels = append(channels, h.addChannel(app.NewContactChannel{UserID: ada, Value: value}))
	}
	h.race(16, func(i int) error {
		if i%4 == 3 {
			_, err := h.CreateContactChannel(h.server(), app.NewContactChannel{UserID: ada, Value: ids.NewUUID() + "@example.com", IsPrimary: true})
			return err
		}
		_, err := h.UpdateContactChannel(h.server(), ada, channels[i%len(channels)], app.ContactChannelPatch{IsPrimary: patch.Value(true)})
		return err
	}, "")
	if n := h.count(`SELECT count(*) FROM contact_channels WHERE is_primary`); n != 1 {
		t.Errorf("%d primary channels", n)
	}
}

// R14. Without the index several users sign in with one address.
func TestCreateContactChannel_oneAddressForManyUsers_oneSignsIn(t *testing.T) {
	h := newHarness(t)
	var users [8]string
	for i := range users {
		users[i] = h.create(app.UserPatch{}).ID
	}
	won := h.race(len(users), func(i int) error {
		_, err := h.CreateContactChannel(h.as(principal.AccessClient, users[i]), app.NewContactChannel{UserID: users[i], Value: "Shared@example.com", UsedForAuth: true})
		return err
	}, apierr.CodeContactChannelAlreadyUsedForAuthBySomeoneElse)
	if n := h.count(`SELECT count(*) FROM contact_channels WHERE value = 'shared@example.com'`); len(won) != 1 || n != 1 {
		t.Errorf("%d succeeded, %d channels", len(won), n)
	}
}

func TestSendPrimaryEmailVerificationCode_checks_comeInOrder(t *testing.T) {
	h := newHarness(t)
	ada := h.signUp("ada@example.com")
	h.addChannel(app.NewContactChannel{UserID: ada, Value: "ada@work.example"})
	client := h.as(principal.AccessClient, ada)
	const untrusted = "https://evil.example.net/"
	wantError(t, h.SendPrimaryEmailVerificationCode(h.client(), "ada@example.com", untrusted), apierr.SchemaError())
	wantError(t, h.SendPrimaryEmailVerificationCode(h.as(principal.AccessClient, ids.NewUUID()), "ada@example.com", untrusted), apierr.SchemaError())
	err := h.SendPrimaryEmailVerificationCode(client, "ada@work.example", untrusted)
	wantError(t, err, apierr.EmailIsNotPrimaryEmail("", ""))
	if details := err.(*apierr.Error).Details; details["email"] != "ada@work.example" || details["primary_email"] != "ada@example.com" {
		t.Errorf("details %v", details)
	}
	wantError(t, h.SendPrimaryEmailVerificationCode(client, "ada@example.com", untrusted), apierr.RedirectURLNotWhitelisted(untrusted))
	if err := h.SendPrimaryEmailVerificationCode(client, "Ada@example.com", callback); err != nil {
		t.Fatal(err)
	}
	mail := h.mail()
	if mail.ToUserID != ada || mail.ToEmails[0] != "ada@example.com" || !mail.SkipDeliverabilityCheck {
		t.Errorf("mail %+v", mail)
	}
	if err := h.VerifyContactChannel(h.client(), code(t, mail)); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.SendPrimaryEmailVerificationCode(client, "ada@example.com", untrusted), apierr.EmailAlreadyVerified())
}
