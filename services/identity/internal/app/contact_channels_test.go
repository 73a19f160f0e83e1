package app_test

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// mail waits for the next mail and takes it from the queue.
func (h *harness) mail() courier.Mail {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	mails := make(chan courier.Mail, 16)
	worker := courier.NewWorker(h.db, h.box, func(_ context.Context, mail courier.Mail) error {
		mails <- mail
		return nil
	}, slog.New(slog.DiscardHandler))
	var running sync.WaitGroup
	running.Go(func() {
		if err := worker.Run(ctx); err != nil {
			h.t.Error(err)
		}
	})
	defer running.Wait()
	defer cancel()
	select {
	case mail := <-mails:
		// A worker that ends before it has noted that a mail was taken leaves it
		// to the next one.
		for h.count(`SELECT count(*) FROM courier_mails WHERE id = $1`, mail.ID) > 0 {
			time.Sleep(time.Millisecond)
		}
		return mail
	case <-h.t.Context().Done():
		h.t.Fatal("no mail")
		return courier.Mail{}
	}
}

// code returns the code in the link of a mail.
func code(t *testing.T, mail courier.Mail) string {
	t.Helper()
	link, err := url.Parse(mail.Variables["emailVerificationLink"])
	if err != nil {
		t.Fatal(err)
	}
	return link.Query().Get("code")
}

// channel returns the id of the user's channel with the address.
func (h *harness) channel(userID, email string) string {
	h.t.Helper()
	channels, err := h.ListContactChannels(h.as(principal.AccessServer, userID), app.ContactChannelFilter{UserID: userID})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, channel := range channels {
		if channel.Value == email {
			return channel.ID
		}
	}
	h.t.Fatalf("no channel %s", email)
	return ""
}

func TestSignUpWithPassword_callback_mailsALinkThatVerifies(t *testing.T) {
	h := newHarness(t)
	signedIn, err := h.SignUpWithPassword(h.client(), app.PasswordSignUp{Email: "Ada@Example.com", Password: password, VerificationCallbackURL: callback})
	if err != nil {
		t.Fatal(err)
	}
	mail := h.mail()
	if mail.Template != "email_verification" || mail.ToUserID != signedIn.UserID || len(mail.ToEmails) != 1 || mail.ToEmails[0] != "Ada@Example.com" || mail.Tenant != h.tenant || mail.SkipDeliverabilityCheck {
		t.Errorf("mail %+v", mail)
	}
	if link := mail.Variables["emailVerificationLink"]; !strings.HasPrefix(link, "http://localhost:3000/verify?") || !strings.Contains(link, "next=home") {
		t.Errorf("link %s", link)
	}
	h.events()
	if err := h.VerifyContactChannel(h.client(), strings.ToUpper(code(t, mail))); err != nil {
		t.Fatal(err)
	}
	if user := h.me(signedIn.UserID); !user.EmailVerified() {
		t.Errorf("user %+v", user.PrimaryEmail)
	}
	events := h.events()
	if facts(events) != "contact_channel.verified" || events[0].GetContactChannelVerified().GetUserId() != signedIn.UserID ||
		events[0].GetContactChannelVerified().GetContactChannelId() != h.channel(signedIn.UserID, "ada@example.com") {
		t.Errorf("events %v", events)
	}
}

func TestSignUpWithPassword_noCallback_mailsNothing(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	if n := h.count(`SELECT (SELECT count(*) FROM courier_mails) + (SELECT count(*) FROM one_time_codes)`); n != 0 {
		t.Errorf("%d mails and codes", n)
	}
}

func TestSignUpWithPassword_refused_mailsNothing(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	_, err := h.SignUpWithPassword(h.client(), app.PasswordSignUp{Email: "ada@example.com", Password: password, VerificationCallbackURL: callback})
	wantError(t, err, apierr.UserEmailAlreadyExists("ada@example.com", false))
	if n := h.count(`SELECT (SELECT count(*) FROM courier_mails) + (SELECT count(*) FROM one_time_codes)`); n != 0 {
		t.Errorf("%d mails and codes", n)
	}
}

func TestListContactChannels_callers_seeWhatTheyMay(t *testing.T) {
	h := newHarness(t)
	ada, eve := h.signUp("ada@example.com"), h.signUp("eve@example.com")
	h.patch(ada, app.UserPatch{PrimaryEmail: patch.Value("ada@work.example")})
	list := func(ctx context.Context, filter app.ContactChannelFilter) (string, error) {
		channels, err := h.ListContactChannels(ctx, filter)
		var values []string
		for _, channel := range channels {
			if channel.Type != domain.ContactChannelEmail || channel.UserID != ada && channel.UserID != eve {
				t.Errorf("channel %+v", channel)
			}
			values = append(values, channel.Value)
		}
		return strings.Join(values, " "), err
	}
	client := h.as(principal.AccessClient, ada)
	server := h.as(principal.AccessServer, "")

	ctx, statements := pg.CountQueries(client)
	if got, err := list(ctx, app.ContactChannelFilter{UserID: ada}); got != "ada@example.com ada@work.example" || err != nil || statements.Load() != 1 {
		t.Errorf("own: %s, %v, %d statements", got, err, statements.Load())
	}
	if got, err := list(server, app.ContactChannelFilter{}); got != "ada@example.com eve@example.com ada@work.example" || err != nil {
		t.Errorf("all: %s, %v", got, err)
	}
	if got, err := list(server, app.ContactChannelFilter{UserID: ada, ChannelID: h.channel(ada, "ada@work.example")}); got != "ada@work.example" || err != nil {
		t.Errorf("one: %s, %v", got, err)
	}
	if got, err := list(server, app.ContactChannelFilter{UserID: eve, ChannelID: h.channel(ada, "ada@work.example")}); got != "" || err != nil {
		t.Errorf("another's: %s, %v", got, err)
	}
	for _, filter := range []app.ContactChannelFilter{{}, {UserID: eve}, {UserID: ids.NewUUID()}} {
		if _, err := list(client, filter); !isText(err, 403) {
			t.Errorf("client with %+v: %v", filter, err)
		}
	}
	_, err := list(h.client(), app.ContactChannelFilter{UserID: ada})
	wantError(t, err, apierr.CannotGetOwnUserWithoutUser())
	other := h.as(principal.AccessServer, "", func(p *principal.Principal) { p.ProjectID = ids.NewUUID(); p.SessionID = "" })
	if got, err := list(other, app.ContactChannelFilter{}); got != "" || err != nil {
		t.Errorf("other project: %s, %v", got, err)
	}
}

func TestSendContactChannelVerificationCode_checks_comeInOrder(t *testing.T) {
	h := newHarness(t)
	ada, eve := h.signUp("ada@example.com"), h.signUp("eve@example.com")
	channelID := h.channel(ada, "ada@example.com")
	gone := h.signUp("gone@example.com")
	if err := h.deleteUser(gone); err != nil {
		t.Fatal(err)
	}
	const untrusted = "https://evil.example.net/"
	send := func(ctx context.Context, userID, channelID, callbackURL string) error {
		return h.SendContactChannelVerificationCode(ctx, app.ContactChannelVerification{UserID: userID, ChannelID: channelID, CallbackURL: callbackURL})
	}
	client, server := h.as(principal.AccessClient, ada), h.as(principal.AccessServer, "")
	wantError(t, send(h.client(), ada, channelID, untrusted), apierr.CannotGetOwnUserWithoutUser())
	if err := send(client, eve, channelID, untrusted); !isText(err, 400) {
		t.Errorf("another user: %v", err)
	}
	wantError(t, send(h.as(principal.AccessClient, gone), gone, channelID, untrusted), apierr.CannotGetOwnUserWithoutUser())
	wantError(t, send(server, gone, channelID, untrusted), apierr.UserIDDoesNotExist(gone))
	if err := send(server, eve, channelID, untrusted); !isText(err, 404) {
		t.Errorf("another user's channel: %v", err)
	}
	wantError(t, send(client, ada, channelID, untrusted), apierr.RedirectURLNotWhitelisted(untrusted))
	if err := send(client, ada, channelID, callback); err != nil {
		t.Error(err)
	}
	h.patch(ada, app.UserPatch{PrimaryEmailVerified: patch.Value(true)})
	wantError(t, send(client, ada, channelID, untrusted), apierr.EmailAlreadyVerified())
}

func TestVerifyContactChannel_severalCodes_eachWorksOnce(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	channelID := h.channel(userID, "ada@example.com")
	var codes []string
	for range 2 {
		if err := h.SendContactChannelVerificationCode(h.as(principal.AccessServer, ""), app.ContactChannelVerification{
			UserID: userID, ChannelID: channelID, CallbackURL: callback,
		}); err != nil {
			t.Fatal(err)
		}
		mail := h.mail()
		if mail.ToEmails[0] != "ada@example.com" || !mail.SkipDeliverabilityCheck {
			t.Errorf("mail %+v", mail)
		}
		codes = append(codes, code(t, mail))
	}
	for _, code := range codes {
		if err := h.CheckContactChannelVerificationCode(h.client(), code); err != nil {
			t.Errorf("check: %v", err)
		}
		if err := h.VerifyContactChannel(h.client(), code); err != nil {
			t.Errorf("verify: %v", err)
		}
		wantError(t, h.VerifyContactChannel(h.client(), code), apierr.VerificationCodeAlreadyUsed())
		wantError(t, h.CheckContactChannelVerificationCode(h.client(), code), apierr.VerificationCodeAlreadyUsed())
	}
	if got := h.channels(userID); got != "ada@example.com primary verified auth" {
		t.Errorf("channels: %s", got)
	}
}

// R10. Without the guard in onetime.Consume several succeed.
func TestVerifyContactChannel_manyAtOnce_oneSucceeds(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	if err := h.SendContactChannelVerificationCode(h.as(principal.AccessServer, ""), app.ContactChannelVerification{
		UserID: userID, ChannelID: h.channel(userID, "ada@example.com"), CallbackURL: callback,
	}); err != nil {
		t.Fatal(err)
	}
	text := code(t, h.mail())
	h.events()
	outcomes := make([]error, 16)
	var all sync.WaitGroup
	for i := range outcomes {
		all.Go(func() { outcomes[i] = h.VerifyContactChannel(h.client(), text) })
	}
	all.Wait()
	won := 0
	for _, err := range outcomes {
		if err == nil {
			won++
		} else if !apierr.HasCode(err, apierr.CodeVerificationCodeAlreadyUsed) {
			t.Errorf("error %v", err)
		}
	}
	if got := facts(h.events()); won != 1 || got != "contact_channel.verified" {
		t.Errorf("%d succeeded, events %s", won, got)
	}
}

func TestVerifyContactChannel_unknownCode_isNotFound(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	unknown := ids.Secret()
	wantError(t, h.VerifyContactChannel(h.client(), unknown), apierr.VerificationCodeNotFound())
	wantError(t, h.CheckContactChannelVerificationCode(h.client(), unknown), apierr.VerificationCodeNotFound())

	// A code is good in its own project only.
	if err := h.SendContactChannelVerificationCode(h.as(principal.AccessServer, ""), app.ContactChannelVerification{
		UserID: userID, ChannelID: h.channel(userID, "ada@example.com"), CallbackURL: callback,
	}); err != nil {
		t.Fatal(err)
	}
	other := principal.NewContext(t.Context(), principal.Principal{ProjectID: ids.NewUUID(), BranchID: "main", Access: principal.AccessClient})
	wantError(t, h.VerifyContactChannel(other, code(t, h.mail())), apierr.VerificationCodeNotFound())
}

func TestVerifyContactChannel_addressGone_spendsTheCode(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	if err := h.SendContactChannelVerificationCode(h.as(principal.AccessServer, ""), app.ContactChannelVerification{
		UserID: userID, ChannelID: h.channel(userID, "ada@example.com"), CallbackURL: callback,
	}); err != nil {
		t.Fatal(err)
	}
	text := code(t, h.mail())
	h.exec(`UPDATE contact_channels SET value = 'other@example.com'`)
	if err := h.VerifyContactChannel(h.client(), text); !isText(err, 400) {
		t.Errorf("error %v", err)
	}
	wantError(t, h.VerifyContactChannel(h.client(), text), apierr.VerificationCodeAlreadyUsed())
}
