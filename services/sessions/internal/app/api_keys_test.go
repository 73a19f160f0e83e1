package app_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
)

const (
	teamID      = "0b2c7a4e-8f43-4a55-9d4f-7f6f0a6a1c11"
	otherTeamID = "d6c1b0f7-3b4e-4a0e-8a54-2f6b1f1d9e22"
)

var (
	ofUser = domain.APIKeyOwner{Type: ids.UserKey, ID: userID}
	ofTeam = domain.APIKeyOwner{Type: ids.TeamKey, ID: teamID}

	me     = client(userID, "7d9f3c0a-54a3-4b8a-9c39-0a4d3ce1c0b1")
	server = backend(principal.AccessServer)
	owners = []domain.APIKeyOwner{ofUser, ofTeam}
)

// configs is an identity context in which both kinds of keys are switched on.
type configs struct {
	user, team bool
	domains    projectconfig.Domains
}

func newConfigs() *configs { return &configs{user: true, team: true} }

func (c *configs) Get(_ context.Context, tenant ids.Tenant, _ int64) (*projectconfig.Config, error) {
	config := &projectconfig.Config{Tenant: tenant, Domains: c.domains}
	config.APIKeys.Enabled.User, config.APIKeys.Enabled.Team = c.user, c.team
	return config, nil
}

// teams is a teams context that knows one team, whose keys the user may manage.
type teams struct {
	calls   atomic.Int32
	failure error
	// managers are the members who may manage the keys, in order.
	managers []string
}

func (t *teams) MembersWith(_ context.Context, _ ids.Tenant, team, permission string) ([]string, error) {
	t.calls.Add(1)
	if team != teamID || permission != "$manage_api_keys" {
		return nil, t.failure
	}
	return t.managers, t.failure
}

func (t *teams) TeamExists(_ context.Context, _ ids.Tenant, id string) (bool, error) {
	t.calls.Add(1)
	return id == teamID, t.failure
}

func (t *teams) Permissions(_ context.Context, _ ids.Tenant, team, user string) ([]string, error) {
	t.calls.Add(1)
	switch {
	case t.failure != nil:
		return nil, t.failure
	case team == teamID && user == userID:
		return []string{"$read_members", "$manage_api_keys"}, nil
	case team == teamID && user == otherUserID:
		return []string{"$read_members"}, nil
	}
	return nil, nil
}

// makeKey makes a key of an owner.
func (s *system) makeKey(t testing.TB, owner domain.APIKeyOwner) (*domain.APIKey, string) {
	t.Helper()
	key, text, err := s.CreateAPIKey(t.Context(), server, app.NewAPIKey{Owner: owner, Description: "CI"})
	if err != nil {
		t.Fatal(err)
	}
	return key, text
}

func TestCreateAPIKey_owner_getsKeyThatWorks(t *testing.T) {
	s := newSystem(t)
	for _, owner := range owners {
		for _, public := range []bool{false, true} {
			for _, caller := range []principal.Principal{me, server, backend(principal.AccessAdmin)} {
				s.events.take()
				key, text, err := s.CreateAPIKey(t.Context(), caller, app.NewAPIKey{Owner: owner, Description: "CI", IsPublic: public})
				if err != nil {
					t.Fatal(err)
				}
				parsed, ok := ids.ParseAPIKey(text)
				if !ok || parsed.ID != key.ID || parsed.Owner != owner.Type || parsed.Public != public || !strings.HasSuffix(text, key.LastFour) || len(key.LastFour) != 4 {
					t.Errorf("key %+v with text %v", key, parsed)
				}
				if key.Owner != owner || key.Description != "CI" || key.IsPublic != public || key.ExpiresAt != nil || key.RevokedAt != nil {
					t.Errorf("key %+v", key)
				}
				checked, err := s.CheckAPIKey(t.Context(), server, owner.Type, text)
				if err != nil || !reflect.DeepEqual(checked, key) {
					t.Errorf("checked %+v, %v, want %+v", checked, err, key)
				}
				if got := s.events.take(); !reflect.DeepEqual(got, []app.Event{app.APIKeyCreated{Key: *key}}) {
					t.Errorf("events %+v", got)
				}
				if n := s.count(t, "SELECT count(*) FROM api_keys k WHERE strpos(k::text, $1) > 0", text[3:48]); n != 0 {
					t.Error("the text is stored")
				}
			}
		}
	}
}

func TestAPIKeys_gates_inOrder(t *testing.T) {
	s := newSystem(t)
	var kept [2]*domain.APIKey
	var texts [2]string
	for i, owner := range owners {
		kept[i], texts[i] = s.makeKey(t, owner)
	}
	s.events.take()
	everyOperation := func(caller principal.Principal, i int) map[string]error {
		owner := owners[i]
		_, _, create := s.CreateAPIKey(t.Context(), caller, app.NewAPIKey{Owner: owner})
		_, list := s.ListAPIKeys(t.Context(), caller, owner)
		_, get := s.GetAPIKey(t.Context(), caller, owner.Type, kept[i].ID)
		_, update := s.UpdateAPIKey(t.Context(), caller, owner.Type, kept[i].ID, app.APIKeyChange{Revoke: true})
		return map[string]error{"create": create, "list": list, "get": get, "update": update}
	}
	stranger, visitor := client(otherUserID, ""), backend(principal.AccessClient)
	forbidden := apierr.Text(http.StatusForbidden, "")
	for name, tt := range map[string]struct {
		caller principal.Principal
		want   [2]*apierr.Error
	}{
		"not signed in": {visitor, [2]*apierr.Error{apierr.UserAuthenticationRequired(), apierr.UserAuthenticationRequired()}},
		// Of a team whose keys one may not manage, nothing is told.
		"somebody else": {stranger, [2]*apierr.Error{forbidden, apierr.APIKeyNotFound()}},
	} {
		for i := range owners {
			for operation, err := range everyOperation(tt.caller, i) {
				t.Run(name+"/"+string(owners[i].Type)+"/"+operation, func(t *testing.T) { checkError(t, err, tt.want[i]) })
			}
		}
	}
	// Switched off, nobody is asked anything else.
	s.configs.user, s.configs.team = false, false
	off := apierr.Text(http.StatusBadRequest, "")
	for _, caller := range []principal.Principal{me, server, visitor, stranger} {
		for i := range owners {
			for _, err := range everyOperation(caller, i) {
				checkError(t, err, off)
			}
		}
	}
	for i, owner := range owners {
		_, err := s.CheckAPIKey(t.Context(), server, owner.Type, texts[i])
		checkError(t, err, off)
	}
	if n := s.count(t, "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL"); n != 2 || len(s.events.take()) != 0 {
		t.Errorf("%d keys", n)
	}
}

func TestAPIKeys_switches_areApart(t *testing.T) {
	s := newSystem(t)
	s.configs.team = false
	s.makeKey(t, ofUser)
	_, _, err := s.CreateAPIKey(t.Context(), server, app.NewAPIKey{Owner: ofTeam})
	checkError(t, err, apierr.Text(http.StatusBadRequest, ""))
}

func TestCreateAPIKey_ownerUnknown_isNotFound(t *testing.T) {
	s := newSystem(t)
	s.users.delete(otherUserID)
	for _, tt := range []struct {
		caller principal.Principal
		owner  domain.APIKeyOwner
		want   *apierr.Error
	}{
		{server, domain.APIKeyOwner{Type: ids.UserKey, ID: otherUserID}, apierr.UserNotFound()},
		{server, domain.APIKeyOwner{Type: ids.TeamKey, ID: otherTeamID}, apierr.TeamNotFound(otherTeamID)},
		{me, domain.APIKeyOwner{Type: ids.TeamKey, ID: otherTeamID}, apierr.APIKeyNotFound()},
	} {
		_, _, err := s.CreateAPIKey(t.Context(), tt.caller, app.NewAPIKey{Owner: tt.owner})
		checkError(t, err, tt.want)
	}
	if n := s.count(t, "SELECT count(*) FROM api_keys"); n != 0 {
		t.Errorf("%d keys", n)
	}
}

func TestCreateAPIKey_neighbourDown_isPassedOn(t *testing.T) {
	s := newSystem(t)
	down := apierr.Unavailable(time.Second)
	s.users.failure, s.teams.failure = down, down
	for _, caller := range []principal.Principal{me, server} {
		_, _, err := s.CreateAPIKey(t.Context(), caller, app.NewAPIKey{Owner: ofTeam})
		checkError(t, err, down)
	}
	_, _, err := s.CreateAPIKey(t.Context(), server, app.NewAPIKey{Owner: ofUser})
	checkError(t, err, down)
}

func TestListAPIKeys_owner_seesNewestFirstWithDeadOnes(t *testing.T) {
	s := newSystem(t)
	for _, owner := range owners {
		oldest, _ := s.makeKey(t, owner)
		revoked, _ := s.makeKey(t, owner)
		if _, err := s.UpdateAPIKey(t.Context(), me, owner.Type, revoked.ID, app.APIKeyChange{Revoke: true}); err != nil {
			t.Fatal(err)
		}
		past := time.UnixMilli(1)
		expired, _, err := s.CreateAPIKey(t.Context(), me, app.NewAPIKey{Owner: owner, ExpiresAt: &past})
		if err != nil {
			t.Fatal(err)
		}
		s.makeKey(t, domain.APIKeyOwner{Type: ids.UserKey, ID: otherUserID})
		for _, caller := range []principal.Principal{me, server} {
			keys, err := s.ListAPIKeys(t.Context(), caller, owner)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, key := range keys {
				got = append(got, key.ID)
			}
			if want := []string{expired.ID, revoked.ID, oldest.ID}; !slices.Equal(got, want) {
				t.Errorf("keys %v, want %v", got, want)
			}
			if keys[0].ExpiresAt.UnixMilli() != 1 || keys[1].RevokedAt == nil || keys[2].RevokedAt != nil {
				t.Errorf("keys %+v", keys)
			}
		}
	}
	// Nobody's keys are none.
	keys, err := s.ListAPIKeys(t.Context(), server, domain.APIKeyOwner{Type: ids.TeamKey, ID: otherTeamID})
	if err != nil || len(keys) != 0 {
		t.Errorf("keys %v, %v", keys, err)
	}
}

func TestGetAPIKey_elsewhere_isNotFound(t *testing.T) {
	s := newSystem(t)
	elsewhere := server
	elsewhere.ProjectID = otherProjectID
	branch := server
	branch.BranchID = "other"
	for _, owner := range owners {
		key, text := s.makeKey(t, owner)
		otherType := ids.UserKey
		if owner.Type == ids.UserKey {
			otherType = ids.TeamKey
		}
		for name, tt := range map[string]struct {
			caller principal.Principal
			kind   ids.KeyOwner
			id     string
		}{
			"unknown":       {server, owner.Type, ids.NewUUID()},
			"other project": {elsewhere, owner.Type, key.ID},
			"other branch":  {branch, owner.Type, key.ID},
			"other type":    {server, otherType, key.ID},
		} {
			_, get := s.GetAPIKey(t.Context(), tt.caller, tt.kind, tt.id)
			_, update := s.UpdateAPIKey(t.Context(), tt.caller, tt.kind, tt.id, app.APIKeyChange{Revoke: true})
			for _, err := range []error{get, update} {
				if !errors.Is(err, apierr.APIKeyNotFound()) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		for _, caller := range []principal.Principal{elsewhere, branch} {
			_, err := s.CheckAPIKey(t.Context(), caller, owner.Type, text)
			checkError(t, err, apierr.APIKeyNotFound())
			if keys, err := s.ListAPIKeys(t.Context(), caller, owner); err != nil || len(keys) != 0 {
				t.Errorf("keys %v, %v", keys, err)
			}
		}
		if _, err := s.CheckAPIKey(t.Context(), server, owner.Type, text); err != nil {
			t.Error(err)
		}
	}
}

func TestUpdateAPIKey_changes_areKeptAndTold(t *testing.T) {
	s := newSystem(t)
	for _, owner := range owners {
		key, text := s.makeKey(t, owner)
		s.events.take()
		description := "another"
		described, err := s.UpdateAPIKey(t.Context(), me, owner.Type, key.ID, app.APIKeyChange{Description: &description})
		if err != nil || described.Description != description || described.RevokedAt != nil || described.Version != 2 {
			t.Fatalf("key %+v, %v", described, err)
		}
		revoked, err := s.UpdateAPIKey(t.Context(), me, owner.Type, key.ID, app.APIKeyChange{Revoke: true})
		if err != nil || revoked.RevokedAt == nil || revoked.Description != description {
			t.Fatalf("key %+v, %v", revoked, err)
		}
		_, err = s.CheckAPIKey(t.Context(), server, owner.Type, text)
		checkError(t, err, apierr.APIKeyRevoked())
		// Once more, and changes that change nothing, are as if they had not been.
		for _, change := range []app.APIKeyChange{{Revoke: true}, {}, {Description: &description}} {
			again, err := s.UpdateAPIKey(t.Context(), server, owner.Type, key.ID, change)
			if err != nil || !reflect.DeepEqual(again, revoked) {
				t.Errorf("%+v: key %+v, %v", change, again, err)
			}
		}
		// A dead key may still be described.
		empty := ""
		last, err := s.UpdateAPIKey(t.Context(), me, owner.Type, key.ID, app.APIKeyChange{Description: &empty, Revoke: true})
		if err != nil || last.Description != "" || !last.RevokedAt.Equal(*revoked.RevokedAt) {
			t.Errorf("key %+v, %v", last, err)
		}
		want := []app.Event{app.APIKeyUpdated{Key: *described}, app.APIKeyUpdated{Key: *revoked, Revoked: true}, app.APIKeyUpdated{Key: *last}}
		if got := s.events.take(); !reflect.DeepEqual(got, want) {
			t.Errorf("events %+v, want %+v", got, want)
		}
	}
}

func TestUpdateAPIKey_revokedInParallel_isToldOnce(t *testing.T) {
	s := newSystem(t)
	key, _ := s.makeKey(t, ofUser)
	s.events.take()
	var wait sync.WaitGroup
	var times [16]time.Time
	for i := range times {
		wait.Go(func() {
			revoked, err := s.UpdateAPIKey(t.Context(), me, ids.UserKey, key.ID, app.APIKeyChange{Revoke: true})
			if err != nil {
				t.Error(err)
				return
			}
			times[i] = *revoked.RevokedAt
		})
	}
	wait.Wait()
	for _, at := range times {
		if !at.Equal(times[0]) {
			t.Errorf("revoked at %v and %v", at, times[0])
		}
	}
	if got := s.events.take(); len(got) != 1 {
		t.Errorf("told %d times", len(got))
	}
}

func TestCheckAPIKey_refused_inOrder(t *testing.T) {
	s := newSystem(t)
	past := time.Now().Add(-time.Minute)
	expired, expiredText, err := s.CreateAPIKey(t.Context(), server, app.NewAPIKey{Owner: ofUser, ExpiresAt: &past})
	if err != nil {
		t.Fatal(err)
	}
	check := func(kind ids.KeyOwner, text string, want *apierr.Error) {
		t.Helper()
		_, err := s.CheckAPIKey(t.Context(), server, kind, text)
		checkError(t, err, want)
	}
	for _, text := range []string{"", "x", expiredText + "0", strings.ToUpper(expiredText), ids.NewAPIKey(ids.UserKey, false).Text()} {
		check(ids.UserKey, text, apierr.APIKeyNotFound())
	}
	check(ids.UserKey, expiredText, apierr.APIKeyExpired())
	if _, err := s.UpdateAPIKey(t.Context(), server, ids.UserKey, expired.ID, app.APIKeyChange{Revoke: true}); err != nil {
		t.Fatal(err)
	}
	check(ids.UserKey, expiredText, apierr.APIKeyRevoked())
	check(ids.TeamKey, expiredText, apierr.WrongAPIKeyType("team", "user"))
	_, teamText := s.makeKey(t, ofTeam)
	check(ids.UserKey, teamText, apierr.WrongAPIKeyType("user", "team"))
	future := time.Now().Add(time.Minute)
	_, text, err := s.CreateAPIKey(t.Context(), server, app.NewAPIKey{Owner: ofUser, ExpiresAt: &future})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CheckAPIKey(t.Context(), server, ids.UserKey, text); err != nil {
		t.Error(err)
	}
}

// A check is on the way of every request to somebody's backend: its costs are
// exact.
func TestCheckAPIKey_warm_costsOneStatementAndNoCall(t *testing.T) {
	s := newSystem(t)
	_, text := s.makeKey(t, ofUser)
	s.users.calls.Store(0)
	s.teams.calls.Store(0)
	ctx, statements := pg.CountQueries(t.Context())
	if _, err := s.CheckAPIKey(ctx, server, ids.UserKey, text); err != nil {
		t.Fatal(err)
	}
	if statements.Load() != 1 || s.users.calls.Load() != 0 || s.teams.calls.Load() != 0 {
		t.Errorf("%d statements, %d and %d calls", statements.Load(), s.users.calls.Load(), s.teams.calls.Load())
	}
}

func TestListAPIKeys_cost_isOneStatement(t *testing.T) {
	s := newSystem(t)
	s.makeKey(t, ofUser)
	ctx, statements := pg.CountQueries(t.Context())
	if _, err := s.ListAPIKeys(ctx, me, ofUser); err != nil || statements.Load() != 1 {
		t.Errorf("%d statements, %v", statements.Load(), err)
	}
}

func TestRevokeUserSessions_userDeleted_losesKeysForGood(t *testing.T) {
	s := newSystem(t)
	first, text := s.makeKey(t, ofUser)
	_, teamText := s.makeKey(t, ofTeam)
	_, otherText := s.makeKey(t, domain.APIKeyOwner{Type: ids.UserKey, ID: otherUserID})
	// A changed password ends sessions alone.
	if _, err := s.RevokeUserSessions(t.Context(), app.Revocation{Tenant: tenant, UserID: userID, Reason: app.PasswordChanged}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CheckAPIKey(t.Context(), server, ids.UserKey, text); err != nil {
		t.Fatal(err)
	}
	s.events.take()
	for range 2 {
		if _, err := s.RevokeUserSessions(t.Context(), app.Revocation{Tenant: tenant, UserID: userID, Reason: app.UserDeleted}); err != nil {
			t.Fatal(err)
		}
	}
	want := []app.Event{app.APIKeysDeleted{Tenant: tenant, Owner: ofUser, KeyIDs: []string{first.ID}}}
	if got := s.events.take(); !reflect.DeepEqual(got, want) {
		t.Errorf("events %+v, want %+v", got, want)
	}
	_, err := s.CheckAPIKey(t.Context(), server, ids.UserKey, text)
	checkError(t, err, apierr.APIKeyNotFound())
	for _, tt := range []struct {
		kind ids.KeyOwner
		text string
	}{{ids.TeamKey, teamText}, {ids.UserKey, otherText}} {
		if _, err := s.CheckAPIKey(t.Context(), server, tt.kind, tt.text); err != nil {
			t.Error(err)
		}
	}
	// Identity may answer from before the deletion.
	_, _, err = s.CreateAPIKey(t.Context(), server, app.NewAPIKey{Owner: ofUser})
	checkError(t, err, apierr.UserNotFound())
	_, _, err = s.CreateAPIKey(t.Context(), me, app.NewAPIKey{Owner: ofUser})
	checkError(t, err, apierr.CannotGetOwnUserWithoutUser())
}

// The token of a deleted user outlives them; nobody is signed in by it, and "me"
// stands for nobody (protocol §5, step 12).
func TestAPIKeys_deletedUser_isNobody(t *testing.T) {
	s := newSystem(t)
	key, _ := s.makeKey(t, ofUser)
	teamKey, _ := s.makeKey(t, ofTeam)
	if _, err := s.RevokeUserSessions(t.Context(), app.Revocation{Tenant: tenant, UserID: otherUserID, Reason: app.UserDeleted}); err != nil {
		t.Fatal(err)
	}
	s.users.delete(otherUserID)
	gone, backendWithGone := client(otherUserID, ""), server
	backendWithGone.UserID = otherUserID
	ofGone := domain.APIKeyOwner{Type: ids.UserKey, ID: otherUserID}
	noUser, signIn := apierr.CannotGetOwnUserWithoutUser(), apierr.UserAuthenticationRequired()
	for name, tt := range map[string]struct {
		err  error
		want *apierr.Error
	}{
		"create for me":             {second(s.CreateAPIKey(t.Context(), gone, app.NewAPIKey{Owner: ofGone})), noUser},
		"create for others":         {second(s.CreateAPIKey(t.Context(), gone, app.NewAPIKey{Owner: ofUser})), signIn},
		"create for a team":         {second(s.CreateAPIKey(t.Context(), gone, app.NewAPIKey{Owner: ofTeam})), signIn},
		"list mine":                 {last(s.ListAPIKeys(t.Context(), gone, ofGone)), noUser},
		"list others'":              {last(s.ListAPIKeys(t.Context(), gone, ofUser)), signIn},
		"list a team's":             {last(s.ListAPIKeys(t.Context(), gone, ofTeam)), signIn},
		"get":                       {last(s.GetAPIKey(t.Context(), gone, ids.UserKey, ids.NewUUID())), signIn},
		"get another's":             {last(s.GetAPIKey(t.Context(), gone, ids.UserKey, key.ID)), signIn},
		"update":                    {last(s.UpdateAPIKey(t.Context(), gone, ids.TeamKey, teamKey.ID, app.APIKeyChange{Revoke: true})), signIn},
		"a server, create for me":   {second(s.CreateAPIKey(t.Context(), backendWithGone, app.NewAPIKey{Owner: ofGone})), noUser},
		"a server, list mine":       {last(s.ListAPIKeys(t.Context(), backendWithGone, ofGone)), noUser},
		"a server without the user": {second(s.CreateAPIKey(t.Context(), server, app.NewAPIKey{Owner: ofGone})), apierr.UserNotFound()},
	} {
		t.Run(name, func(t *testing.T) { checkError(t, tt.err, tt.want) })
	}
	if keys, err := s.ListAPIKeys(t.Context(), server, ofGone); err != nil || len(keys) != 0 {
		t.Errorf("keys %v, %v", keys, err)
	}
	if n := s.count(t, "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL"); n != 2 {
		t.Errorf("%d keys", n)
	}
}

func second[A, B any](_ A, _ B, err error) error { return err }

func last[A any](_ A, err error) error { return err }

func TestDeleteTeamKeys_team_losesKeysForGood(t *testing.T) {
	s := newSystem(t)
	first, text := s.makeKey(t, ofTeam)
	_, userText := s.makeKey(t, ofUser)
	s.events.take()
	for range 2 {
		if err := s.DeleteTeamKeys(t.Context(), tenant, teamID); err != nil {
			t.Fatal(err)
		}
	}
	want := []app.Event{app.APIKeysDeleted{Tenant: tenant, Owner: ofTeam, KeyIDs: []string{first.ID}}}
	if got := s.events.take(); !reflect.DeepEqual(got, want) {
		t.Errorf("events %+v, want %+v", got, want)
	}
	_, err := s.CheckAPIKey(t.Context(), server, ids.TeamKey, text)
	checkError(t, err, apierr.APIKeyNotFound())
	if _, err := s.CheckAPIKey(t.Context(), server, ids.UserKey, userText); err != nil {
		t.Error(err)
	}
	_, _, err = s.CreateAPIKey(t.Context(), server, app.NewAPIKey{Owner: ofTeam})
	checkError(t, err, apierr.TeamNotFound(teamID))
	_, _, err = s.CreateAPIKey(t.Context(), me, app.NewAPIKey{Owner: ofTeam})
	checkError(t, err, apierr.APIKeyNotFound())
}

func TestSweep_keyInsertedDuringDeletion_isDeleted(t *testing.T) {
	s := newSystem(t)
	_, otherText := s.makeKey(t, domain.APIKeyOwner{Type: ids.UserKey, ID: otherUserID})
	s.makeKey(t, ofUser)
	s.makeKey(t, ofTeam)
	// As if the deletion had committed without seeing the insertion.
	s.exec(t, "INSERT INTO deleted_users (project_id, branch_id, user_id) VALUES ($1, 'main', $2)", projectID, userID)
	s.exec(t, "INSERT INTO deleted_teams (project_id, branch_id, team_id) VALUES ($1, 'main', $2)", projectID, teamID)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.count(t, "SELECT count(*) FROM api_keys"); n != 1 {
		t.Errorf("%d keys", n)
	}
	if _, err := s.CheckAPIKey(t.Context(), server, ids.UserKey, otherText); err != nil {
		t.Error(err)
	}
}

func TestPurgeProject_keys_areGone(t *testing.T) {
	s := newSystem(t)
	_, text := s.makeKey(t, ofUser)
	elsewhere := server
	elsewhere.ProjectID = otherProjectID
	_, kept, err := s.CreateAPIKey(t.Context(), elsewhere, app.NewAPIKey{Owner: ofUser})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PurgeProject(t.Context(), projectID); err != nil {
		t.Fatal(err)
	}
	_, err = s.CheckAPIKey(t.Context(), server, ids.UserKey, text)
	checkError(t, err, apierr.APIKeyNotFound())
	if _, err := s.CheckAPIKey(t.Context(), elsewhere, ids.UserKey, kept); err != nil {
		t.Error(err)
	}
	_, _, err = s.CreateAPIKey(t.Context(), server, app.NewAPIKey{Owner: ofUser})
	checkError(t, err, apierr.UserNotFound())
}
