package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
)

type ctxType = context.Context

const callback = "http://localhost:3000/join?next=home"

// invite sends an invitation and returns its id and its code.
func (f *fixture) invite(ctx context.Context, teamID, email string) (invitationID, code string) {
	f.t.Helper()
	invitationID, err := f.SendTeamInvitationCode(ctx, app.NewInvitation{TeamID: teamID, Email: email, CallbackURL: callback})
	if err != nil {
		f.t.Fatal(err)
	}
	mail := f.lastMail()
	link, err := url.Parse(mail.Variables["teamInvitationLink"])
	if err != nil {
		f.t.Fatal(err)
	}
	return invitationID, link.Query().Get("code")
}

// lastMail opens the mail that waits and takes it from the queue.
func (f *fixture) lastMail() (mail courier.Mail) {
	f.t.Helper()
	var project, id string
	var payload []byte
	if err := f.db.Querier(f.t.Context()).QueryRow(f.t.Context(),
		`DELETE FROM courier_mails RETURNING project_id, id::text, payload`).Scan(&project, &id, &payload); err != nil {
		f.t.Fatal(err)
	}
	plain, err := f.box.Open(payload, "courier_mails", project, id)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := json.Unmarshal(plain, &mail); err != nil {
		f.t.Fatal(err)
	}
	return mail
}

func TestSendTeamInvitationCode_mail_leadsToTheTeam(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	id, err := f.SendTeamInvitationCode(f.client(ada), app.NewInvitation{TeamID: teamID, Email: "Grace@Example.com", CallbackURL: callback})
	if err != nil {
		t.Fatal(err)
	}
	mail := f.lastMail()
	if mail.Template != "team_invitation" || !slices.Equal(mail.ToEmails, []string{"Grace@Example.com"}) || mail.ToUserID != "" || !mail.SkipDeliverabilityCheck ||
		mail.Variables["teamDisplayName"] != "Crew" || !strings.Contains(mail.Variables["teamInvitationLink"], "next=home") {
		t.Errorf("mail %+v", mail)
	}
	list, err := f.ListTeamInvitations(f.client(ada), &teamID, nil)
	if err != nil || len(list) != 1 || list[0].ID != id || list[0].RecipientEmail != "grace@example.com" || list[0].TeamDisplayName != "Crew" {
		t.Errorf("invitations %+v, %v", list, err)
	}
	if got := f.events(); len(got) != 0 {
		t.Errorf("invitations are nobody's business: %s", facts(got))
	}
	if n := f.count(`SELECT count(*) FROM one_time_codes WHERE data::text LIKE '%grace%'`); n != 0 {
		t.Error("the code's row holds the address")
	}
}

func TestSendTeamInvitationCode_checks_comeInOrder(t *testing.T) {
	f := newFixture(t)
	ada, stranger := f.user("Ada"), f.user("Stranger")
	teamID := f.team(ada)
	grace := f.join(teamID)
	if err := f.RevokeTeamPermission(f.server(), teamID, grace, "team_member"); err != nil {
		t.Fatal(err)
	}
	evil := app.NewInvitation{TeamID: teamID, Email: "x@example.com", CallbackURL: "https://evil.example.net/"}
	send := func(ctx context.Context, in app.NewInvitation) error {
		_, err := f.SendTeamInvitationCode(ctx, in)
		return err
	}
	wantError(t, send(f.client(""), evil), apierr.UserAuthenticationRequired())
	wantError(t, send(f.client(stranger), evil), apierr.TeamMembershipNotFound("", ""))
	wantError(t, send(f.client(grace), evil), apierr.TeamPermissionRequired("", "", ""))
	wantError(t, send(f.client(ada), evil), apierr.RedirectURLNotWhitelisted(""))
	evil.TeamID = ids.NewUUID()
	wantError(t, send(f.server(), evil), apierr.RedirectURLNotWhitelisted(""))
	evil.CallbackURL = callback
	wantError(t, send(f.server(), evil), apierr.TeamNotFound(""))
	if n := f.count(`SELECT (SELECT count(*) FROM courier_mails) + (SELECT count(*) FROM one_time_codes) + (SELECT count(*) FROM team_invitations)`); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

func TestAcceptTeamInvitation_code_worksOnceForWhoeverHoldsIt(t *testing.T) {
	f := newFixture(t)
	ada, grace := f.user("Ada"), f.user("Grace", "other@example.com")
	teamID := f.team(ada)
	_, code := f.invite(f.client(ada), teamID, "grace@example.com")
	for range 2 {
		if err := f.CheckTeamInvitationCode(f.client(""), code); err != nil {
			t.Fatal(err)
		}
	}
	team, err := f.GetTeamInvitationDetails(f.client(grace), strings.ToUpper(code))
	if err != nil || team.ID != teamID || team.DisplayName != "Crew" {
		t.Errorf("details %+v, %v", team, err)
	}
	if err := f.AcceptTeamInvitation(f.client(grace), code); err != nil {
		t.Fatal(err)
	}
	if got := facts(f.events()); got != "membership.created team_permission.created" {
		t.Errorf("events %s", got)
	}
	if list, err := f.ListTeamInvitations(f.server(), &teamID, nil); err != nil || len(list) != 0 {
		t.Errorf("invitations %+v, %v", list, err)
	}
	wantError(t, f.AcceptTeamInvitation(f.client(grace), code), apierr.VerificationCodeAlreadyUsed())
	wantError(t, f.CheckTeamInvitationCode(f.client(""), code), apierr.VerificationCodeAlreadyUsed())
	wantError(t, f.CheckTeamInvitationCode(f.client(""), ids.Secret()), apierr.VerificationCodeNotFound())
	// A member may accept once more: nothing happens but the code is spent.
	_, second := f.invite(f.client(ada), teamID, "grace@example.com")
	if err := f.AcceptTeamInvitation(f.client(grace), second); err != nil {
		t.Error(err)
	}
	wantError(t, f.AcceptTeamInvitation(f.client(grace), second), apierr.VerificationCodeAlreadyUsed())
	if got := f.events(); len(got) != 0 {
		t.Errorf("events %s", facts(got))
	}
}

// A refusal leaves the code as it is.
func TestAcceptTeamInvitation_refusals_keepTheCode(t *testing.T) {
	f := newFixture(t)
	ada, grace := f.user("Ada"), f.user("Grace")
	teamID := f.team(ada)
	_, code := f.invite(f.client(ada), teamID, "grace@example.com")
	restricted := f.user("Restricted")
	user := f.users.users[restricted]
	user.RestrictedReason = "email_not_verified"
	f.users.users[restricted] = user

	for name, tt := range map[string]struct {
		ctx  context.Context
		want *apierr.Error
	}{
		"signed out": {f.client(""), apierr.UserAuthenticationRequired()},
		"gone":       {f.client(ids.NewUUID()), apierr.UserAuthenticationRequired()},
		"restricted": {f.client(restricted), apierr.TeamInvitationRestrictedUserNotAllowed("")},
		"server":     {f.as(principal.AccessServer, restricted), apierr.TeamInvitationRestrictedUserNotAllowed("")},
	} {
		if _, err := f.GetTeamInvitationDetails(tt.ctx, code); !errors.Is(err, tt.want) {
			t.Errorf("%s: details %v, want %v", name, err, tt.want)
		}
		err := f.AcceptTeamInvitation(tt.ctx, code)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: accept %v, want %v", name, err, tt.want)
		}
	}
	if err := f.AcceptTeamInvitation(f.client(grace), code); err != nil {
		t.Errorf("after the refusals: %v", err)
	}
}

func TestAcceptTeamInvitation_deletedTeam_isNotFound(t *testing.T) {
	f := newFixture(t)
	ada, grace := f.user("Ada"), f.user("Grace", "grace@example.com")
	teamID := f.team(ada)
	id, code := f.invite(f.client(ada), teamID, "grace@example.com")
	if err := f.DeleteTeam(f.server(), teamID); err != nil {
		t.Fatal(err)
	}
	_, err := f.GetTeamInvitationDetails(f.client(grace), code)
	wantError(t, err, apierr.TeamNotFound(""))
	wantError(t, f.AcceptTeamInvitation(f.client(grace), code), apierr.TeamNotFound(""))
	wantError(t, f.AcceptTeamInvitationByID(f.client(grace), id, grace), apierr.VerificationCodeNotFound())
	if list, err := f.ListTeamInvitations(f.client(grace), nil, &grace); err != nil || len(list) != 0 {
		t.Errorf("invitations %+v, %v", list, err)
	}
}

func TestAcceptTeamInvitationByID_verifiedAddress_isNeeded(t *testing.T) {
	f := newFixture(t)
	ada, grace, other := f.user("Ada"), f.user("Grace", "old@example.com", "grace@example.com"), f.user("Other", "other@example.com")
	teamID := f.team(ada)
	id, code := f.invite(f.client(ada), teamID, "Grace@example.com")

	mine, err := f.ListTeamInvitations(f.client(grace), nil, &grace)
	if err != nil || len(mine) != 1 || mine[0].ID != id || mine[0].TeamID != teamID || mine[0].TeamDisplayName != "Crew" {
		t.Errorf("invitations %+v, %v", mine, err)
	}
	wantError(t, f.AcceptTeamInvitationByID(f.client(""), id, grace), apierr.CannotGetOwnUserWithoutUser())
	wantError(t, f.AcceptTeamInvitationByID(f.client(other), id, grace), apierr.CannotGetOwnUserWithoutUser())
	wantError(t, f.AcceptTeamInvitationByID(f.client(other), id, other), apierr.VerificationCodeNotFound())
	wantError(t, f.AcceptTeamInvitationByID(f.server(), id, other), apierr.VerificationCodeNotFound())
	wantError(t, f.AcceptTeamInvitationByID(f.server(), id, ids.NewUUID()), apierr.VerificationCodeNotFound())
	wantError(t, f.AcceptTeamInvitationByID(f.client(grace), ids.NewUUID(), grace), apierr.VerificationCodeNotFound())
	user := f.users.users[grace]
	user.RestrictedReason = "anonymous"
	f.users.users[grace] = user
	wantError(t, f.AcceptTeamInvitationByID(f.client(grace), ids.NewUUID(), grace), apierr.TeamInvitationRestrictedUserNotAllowed(""))
	// A backend may accept for a restricted user.
	if err := f.AcceptTeamInvitationByID(f.server(), id, grace); err != nil {
		t.Fatal(err)
	}
	wantError(t, f.AcceptTeamInvitationByID(f.server(), id, grace), apierr.VerificationCodeNotFound())
	wantError(t, f.CheckTeamInvitationCode(f.client(""), code), apierr.VerificationCodeAlreadyUsed())
	if got := facts(f.events()); got != "membership.created team_permission.created" {
		t.Errorf("events %s", got)
	}
}

func TestTeamInvitations_expired_areGone(t *testing.T) {
	f := newFixture(t)
	ada, grace := f.user("Ada"), f.user("Grace", "grace@example.com")
	teamID := f.team(ada)
	id, code := f.invite(f.client(ada), teamID, "grace@example.com")
	f.exec(`UPDATE team_invitations SET expires_at = now() - interval '1s'`)
	f.exec(`UPDATE one_time_codes SET expires_at = now() - interval '1s'`)
	wantError(t, f.AcceptTeamInvitation(f.client(grace), code), apierr.VerificationCodeExpired())
	wantError(t, f.AcceptTeamInvitationByID(f.client(grace), id, grace), apierr.VerificationCodeNotFound())
	wantError(t, f.DeleteTeamInvitation(f.server(), id, &teamID), apierr.VerificationCodeNotFound())
	for _, ask := range [][2]*string{{&teamID, nil}, {nil, &grace}} {
		if list, err := f.ListTeamInvitations(f.server(), ask[0], ask[1]); err != nil || len(list) != 0 {
			t.Errorf("invitations %+v, %v", list, err)
		}
	}
	if err := f.ForgetExpiredInvitations(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := f.count(`SELECT count(*) FROM team_invitations`); n != 0 {
		t.Errorf("%d invitations are left", n)
	}
}

func TestListTeamInvitations_errors_areThoseOfTheContract(t *testing.T) {
	f := newFixture(t)
	ada, stranger := f.user("Ada"), f.user("Stranger")
	teamID := f.team(ada)
	grace := f.join(teamID)
	nobody := ids.NewUUID()
	list := func(ctx context.Context, teamID, userID *string) error {
		_, err := f.ListTeamInvitations(ctx, teamID, userID)
		return err
	}
	wantText(t, list(f.client(ada), nil, nil), http.StatusBadRequest)
	wantText(t, list(f.server(), &teamID, &ada), http.StatusBadRequest)
	wantError(t, list(f.client(ada), nil, &grace), apierr.CannotGetOwnUserWithoutUser())
	wantError(t, list(f.client(""), nil, &grace), apierr.CannotGetOwnUserWithoutUser())
	wantError(t, list(f.client(""), &teamID, nil), apierr.CannotGetOwnUserWithoutUser())
	wantError(t, list(f.client(stranger), &teamID, nil), apierr.TeamMembershipNotFound("", ""))
	wantError(t, list(f.server(), &nobody, nil), apierr.TeamNotFound(""))
	if err := list(f.server(), nil, &nobody); err != nil {
		t.Error(err)
	}
	for _, missing := range []string{"$read_members", "$invite_members"} {
		held := map[string]string{"$read_members": "$invite_members", "$invite_members": "$read_members"}[missing]
		f.exec(`DELETE FROM team_permissions WHERE user_id = $1`, grace)
		if err := f.GrantTeamPermission(f.server(), teamID, grace, held); err != nil {
			t.Fatal(err)
		}
		err := list(f.client(grace), &teamID, nil)
		known, ok := errors.AsType[*apierr.Error](err)
		if !ok || known.Code != apierr.CodeTeamPermissionRequired || known.Details["permission_id"] != missing {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}

func TestDeleteTeamInvitation_ofTheTeam_kills_theCode(t *testing.T) {
	f := newFixture(t)
	ada, grace := f.user("Ada"), f.user("Grace", "grace@example.com")
	teamID, otherID := f.team(ada), f.team(ada)
	member := f.join(teamID)
	id, code := f.invite(f.client(ada), teamID, "grace@example.com")
	wantText(t, f.DeleteTeamInvitation(f.client(ada), id, nil), http.StatusBadRequest)
	wantError(t, f.DeleteTeamInvitation(f.client(""), id, &teamID), apierr.CannotGetOwnUserWithoutUser())
	wantError(t, f.DeleteTeamInvitation(f.client(grace), id, &teamID), apierr.TeamMembershipNotFound("", ""))
	wantError(t, f.DeleteTeamInvitation(f.client(member), id, &teamID), apierr.TeamPermissionRequired("", "", ""))
	wantError(t, f.DeleteTeamInvitation(f.client(ada), id, &otherID), apierr.VerificationCodeNotFound())
	wantError(t, f.DeleteTeamInvitation(f.server(), id, new(ids.NewUUID())), apierr.TeamNotFound(""))
	wantError(t, f.DeleteTeamInvitation(f.server(), ids.NewUUID(), &teamID), apierr.VerificationCodeNotFound())
	if err := f.DeleteTeamInvitation(f.client(ada), id, &teamID); err != nil {
		t.Fatal(err)
	}
	wantError(t, f.AcceptTeamInvitation(f.client(grace), code), apierr.VerificationCodeNotFound())
	wantError(t, f.DeleteTeamInvitation(f.server(), id, &teamID), apierr.VerificationCodeNotFound())
}

// R54: nobody is drowned in invitations, and no project's mail server is. Those
// who ask for one too many are answered as ever, and the invitation is there.
func TestSendTeamInvitationCode_tooMany_areNotMailed(t *testing.T) {
	f := newFixture(t)
	ada, grace := f.user("Ada"), f.user("Grace", "grace@example.com")
	teams := []string{f.team(ada), f.team(ada)}
	send := func(email string) {
		t.Helper()
		for _, teamID := range teams {
			id, err := f.SendTeamInvitationCode(f.client(ada), app.NewInvitation{TeamID: teamID, Email: email, CallbackURL: callback})
			if err != nil || !ids.ValidUUID(id) {
				t.Fatalf("invitation %q, %v", id, err)
			}
		}
	}
	mails := func() int { return f.count(`SELECT count(*) FROM courier_mails`) }
	for _, email := range []string{"grace@example.com", "Grace@Example.com", " GRACE@example.com ", "grace@example.com"} {
		send(email)
	}
	if n := mails(); n != 5 {
		t.Errorf("%d mails to one address, want 5", n)
	}
	received, err := f.ListTeamInvitations(f.client(grace), nil, &grace)
	if err != nil || len(received) != 8 {
		t.Fatalf("%d invitations, %v", len(received), err)
	}
	if err := f.AcceptTeamInvitationByID(f.client(grace), received[7].ID, grace); err != nil {
		t.Error(err)
	}
	send("somebody@example.com")
	if n := mails(); n != 7 {
		t.Errorf("%d mails, want 7: another address has a count of its own", n)
	}
	// Whoever may not invite uses nothing up.
	stranger := f.user("Stranger")
	for range 20 {
		_, err := f.SendTeamInvitationCode(f.client(stranger), app.NewInvitation{TeamID: teams[0], Email: "new@example.com", CallbackURL: callback})
		wantError(t, err, apierr.TeamMembershipNotFound("", ""))
		_, err = f.SendTeamInvitationCode(f.client(ada), app.NewInvitation{TeamID: teams[0], Email: "new@example.com", CallbackURL: "https://evil.example.net/"})
		wantError(t, err, apierr.RedirectURLNotWhitelisted(""))
	}
	send("new@example.com")
	if n := mails(); n != 9 {
		t.Errorf("%d mails, want 9", n)
	}
	if n := f.count(`SELECT count(*) FROM throttles WHERE key LIKE '%@%' OR key LIKE '%grace%'`); n != 0 {
		t.Error("the counts name an address")
	}

	f.limits.MailsOfProject = app.PerHour(3)
	f.exec(`DELETE FROM throttles`)
	f.useDB(f.db)
	for _, email := range []string{"a@example.com", "b@example.com", "c@example.com"} {
		send(email)
	}
	if n := mails(); n != 12 {
		t.Errorf("%d mails, want 12: the project has a count", n)
	}
}

// R54, in parallel: without the count in one statement more get through.
func TestSendTeamInvitationCode_floodInParallel_fiveAreMailed(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			if err := persist(func() error {
				_, err := f.SendTeamInvitationCode(f.client(ada), app.NewInvitation{TeamID: teamID, Email: "grace@example.com", CallbackURL: callback})
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	mails, invitations := f.count(`SELECT count(*) FROM courier_mails`), f.count(`SELECT count(*) FROM team_invitations`)
	if mails > 5 || invitations < 32 {
		t.Errorf("%d mails and %d invitations", mails, invitations)
	}
}

// R15: many people hold the same code, one of them joins.
func TestAcceptTeamInvitation_oneCodeInParallel_admitsOne(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	teamID := f.team(ada)
	id, code := f.invite(f.client(ada), teamID, "grace@example.com")
	var joined atomic.Int32
	var all sync.WaitGroup
	for i := range 19 { // the twentieth attempt would be the last
		userID := f.user("Someone", "grace@example.com")
		all.Go(func() {
			var err error
			if i%2 == 0 {
				err = f.AcceptTeamInvitation(f.client(userID), code)
			} else {
				err = f.AcceptTeamInvitationByID(f.client(userID), id, userID)
			}
			switch {
			case err == nil:
				joined.Add(1)
			case !errors.Is(err, apierr.VerificationCodeAlreadyUsed()) && !errors.Is(err, apierr.VerificationCodeNotFound()):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := f.count(`SELECT count(*) FROM team_memberships`); n != 2 || joined.Load() != 1 {
		t.Errorf("%d members, %d accepted", n, joined.Load())
	}
}

// R15: one user accepts 64 invitations at the same moment and joins once.
func TestAcceptTeamInvitation_manyCodesInParallel_joinsOnce(t *testing.T) {
	f := newFixture(t)
	ada := f.user("Ada")
	f.limits.MailsToAddress = app.PerHour(64)
	f.useDB(f.db)
	teamID := f.team(ada)
	for _, email := range []string{"grace@example.com", "alan@example.com", "edsger@example.com"} {
		guest := f.user("Guest", email)
		var codes, invitations []string
		for range 64 {
			id, code := f.invite(f.client(ada), teamID, email)
			codes, invitations = append(codes, code), append(invitations, id)
		}
		var all sync.WaitGroup
		for i := range codes {
			all.Go(func() {
				if err := persist(func() error {
					if i%2 == 0 {
						return f.AcceptTeamInvitation(f.client(guest), codes[i])
					}
					return f.AcceptTeamInvitationByID(f.client(guest), invitations[i], guest)
				}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := f.count(`SELECT count(*) FROM team_memberships WHERE user_id = $1`, guest); n != 1 {
			t.Errorf("%d memberships", n)
		}
		if got := facts(f.events()); got != "membership.created team_permission.created" {
			t.Errorf("events %s", got)
		}
	}
}

// Others decide how many invitations somebody gets, and what the teams are called.
func TestListTeamInvitations_flood_hidesNothingNew(t *testing.T) {
	const most = 10_000
	f := newFixture(t)
	ada, mallory, grace := f.user("Ada"), f.user("Mallory"), f.user("Grace", "grace@example.com")
	teamID, flooding := f.team(ada), f.team(mallory)
	f.exec(`UPDATE teams SET display_name = repeat('😀', 1000) WHERE id = $1`, flooding)
	f.exec(`INSERT INTO team_invitations (project_id, branch_id, id, team_id, recipient_email, expires_at, created_at)
		SELECT 'p', 'main', gen_random_uuid(), $1, 'grace@example.com', now() + interval '1 hour', now() - i * interval '1 second'
		FROM generate_series(1, $2::int) i`, flooding, most)
	wanted, _ := f.invite(f.client(ada), teamID, "grace@example.com")
	list, err := f.ListTeamInvitations(f.client(grace), nil, &grace)
	if err != nil || len(list) != most || list[most-1].ID != wanted || list[most-1].TeamDisplayName == "" {
		t.Fatalf("%d invitations, %v", len(list), err)
	}
	if name := list[0].TeamDisplayName; name != strings.Repeat("😀", 256) {
		t.Errorf("a name of %d bytes", len(name))
	}
	list, err = f.ListTeamInvitations(f.server(), &flooding, nil)
	if err != nil || len(list) != most || slices.ContainsFunc(list, func(i domain.Invitation) bool { return i.TeamID != flooding }) {
		t.Errorf("%d invitations of the team, %v", len(list), err)
	}
}
