package isolation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"vestibule.dev/test/client"
	"vestibule.dev/test/database"
	"vestibule.dev/test/routes"
)

// cell is a caller who refers to what is not theirs.
type cell struct {
	name   string
	caller *client.Client
	// own fills the references that are not under test, victim those that are.
	own, victim person
	// sameProject cells leave out what may be used by whoever holds it.
	sameProject bool
}

func cells(t *tenant) []cell {
	public, server, admin := t.caller(client.Public), t.caller(client.Server), t.caller(client.Admin)
	return []cell{
		{"client key, ids of another project", public, t.own, t.foreign.own, false},
		{"user, ids of another user", public.SignedIn(t.own.Tokens), t.own, t.other, true},
		{"user, ids of another project", public.SignedIn(t.own.Tokens), t.own, t.foreign.own, false},
		{"anonymous user, ids of another user", public.SignedIn(t.anonymous.Tokens), t.anonymous, t.other, true},
		{"anonymous user, ids of another project", public.SignedIn(t.anonymous.Tokens), t.anonymous, t.foreign.own, false},
		{"restricted user, ids of another user", public.SignedIn(t.restricted.Tokens), t.restricted, t.other, true},
		{"restricted user, ids of another project", public.SignedIn(t.restricted.Tokens), t.restricted, t.foreign.own, false},
		{"server key, ids of another project", server, t.own, t.foreign.own, false},
		{"server key and user, ids of another project", server.SignedIn(t.own.Tokens), t.own, t.foreign.own, false},
		{"admin key, ids of another project", admin, t.own, t.foreign.own, false},
		{"admin key and user, ids of another project", admin.SignedIn(t.own.Tokens), t.own, t.foreign.own, false},
	}
}

// Whoever refers to what belongs to others is answered as if it did not exist,
// and nothing is written.
func TestReferences_ofOthers_areLikeNone(t *testing.T) {
	settle(t)
	compared := 0
	for _, tenant := range tenants {
		for _, route := range routes.All() {
			refs := references(t, route)
			for _, c := range cells(tenant) {
				for _, foreign := range combinations(reachable(refs, c)) {
					compared++
					t.Run(fmt.Sprintf("%s/%s/%s/%s", tenant.name, route, c.name, strings.Join(foreign, ",")), func(t *testing.T) {
						compare(t, route, refs, c, foreign)
					})
				}
			}
		}
	}
	t.Logf("%d cells", compared)
	if compared < 100 {
		t.Errorf("only %d cells: the generator is broken", compared)
	}
}

// reachable are the references of which the cell's victim has one that is not
// the caller's to use.
func reachable(refs map[string]kind, c cell) []string {
	var names []string
	for name, k := range refs {
		switch {
		case k == aProject, k == anyUser, c.victim.things[k] == "":
		case c.sameProject && slices.Contains(projectWide, k):
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// combinations are all non-empty subsets.
func combinations(names []string) [][]string {
	var all [][]string
	for mask := 1; mask < 1<<len(names); mask++ {
		var subset []string
		for i, name := range names {
			if mask&(1<<i) != 0 {
				subset = append(subset, name)
			}
		}
		all = append(all, subset)
	}
	return all
}

func compare(t *testing.T, route routes.Route, refs map[string]kind, c cell, foreign []string) {
	theirs, nobodys := map[string]string{}, map[string]string{}
	for name, k := range refs {
		theirs[name] = c.own.things[k]
		if theirs[name] == "" {
			theirs[name] = stranger(k)
		}
	}
	maps.Copy(nobodys, theirs)
	var replaceTheirs, replaceNobodys []string
	for _, name := range foreign {
		theirs[name], nobodys[name] = c.victim.things[refs[name]], stranger(refs[name])
		replaceTheirs = append(replaceTheirs, theirs[name], "<"+name+">")
		replaceNobodys = append(replaceNobodys, nobodys[name], "<"+name+">")
	}
	before := content(t)
	got := build(t, route, theirs).send(t, c.caller)
	want := build(t, route, nobodys).send(t, c.caller)
	gotBody := strings.NewReplacer(replaceTheirs...).Replace(string(got.Body))
	wantBody := strings.NewReplacer(replaceNobodys...).Replace(string(want.Body))
	if got.Status != want.Status || got.Code() != want.Code() || gotBody != wantBody {
		t.Errorf("differs from what does not exist:\n%d %s %s\n%d %s %s", got.Status, got.Code(), gotBody, want.Status, want.Code(), wantBody)
	}
	if got.Status >= 500 {
		t.Errorf("answered with %s", got)
	}
	if changed := database.Changed(before, content(t)); len(changed) > 0 {
		t.Errorf("%s, and %v changed", got, changed)
	}
}

// A token opens its own project and nothing else, and says itself what kind of
// user it speaks for.
func TestTokens_outOfPlace_areRefused(t *testing.T) {
	settle(t)
	for _, tenant := range tenants {
		for _, tt := range []struct {
			name, token, want string
		}{
			{"another project's", tenant.foreign.own.AccessToken, "INVALID_PROJECT_FOR_ACCESS_TOKEN"},
			{"an anonymous user's", tenant.anonymous.AccessToken, "ANONYMOUS_AUTHENTICATION_NOT_ALLOWED"},
			{"a restricted user's", tenant.restricted.AccessToken, "RESTRICTED_USER_NOT_ALLOWED"},
			{"no", "not.a.token", "UNPARSABLE_ACCESS_TOKEN"},
		} {
			for _, access := range []client.Access{client.Public, client.Server, client.Admin} {
				for _, route := range routes.All() {
					t.Run(fmt.Sprintf("%s/%s token/%s/%s", tenant.name, tt.name, access, route), func(t *testing.T) {
						own := map[string]string{}
						for name, k := range references(t, route) {
							own[name] = tenant.own.things[k]
						}
						before := content(t)
						got := build(t, route, own).send(t, tenant.caller(access).With("Access-Token", tt.token))
						if got.Code() != tt.want {
							t.Errorf("answered with %s, want %s", got, tt.want)
						}
						if changed := database.Changed(before, content(t)); len(changed) > 0 {
							t.Errorf("%v changed", changed)
						}
					})
				}
			}
		}
	}
}

// Keys open their own project and access type alone.
func TestKeys_outOfPlace_areRefused(t *testing.T) {
	settle(t)
	for _, tenant := range tenants {
		foreign := tenant.foreign.project
		base := client.New(system.BaseURL).With("Project-Id", tenant.project.ID)
		for _, tt := range []struct {
			name, header, key string
			access            client.Access
			want              string
		}{
			{"client key", "Publishable-Client-Key", foreign.PublishableClientKey, client.Public, "INVALID_PUBLISHABLE_CLIENT_KEY"},
			{"server key", "Secret-Server-Key", foreign.SecretServerKey, client.Server, "INVALID_SECRET_SERVER_KEY"},
			{"admin key", "Super-Secret-Admin-Key", foreign.SuperSecretAdminKey, client.Admin, "INVALID_SUPER_SECRET_ADMIN_KEY"},
			{"own client key as server key", "Secret-Server-Key", tenant.project.PublishableClientKey, client.Server, "INVALID_SECRET_SERVER_KEY"},
			{"own server key as admin key", "Super-Secret-Admin-Key", tenant.project.SecretServerKey, client.Admin, "INVALID_SUPER_SECRET_ADMIN_KEY"},
			{"own server key as client key", "Publishable-Client-Key", tenant.project.SecretServerKey, client.Public, "INVALID_PUBLISHABLE_CLIENT_KEY"},
			{"foreign operator's token", "Admin-Access-Token", tenant.foreign.own.AccessToken, client.Admin, "ADMIN_ACCESS_TOKEN_IS_NOT_ADMIN"},
		} {
			for _, route := range routes.All() {
				t.Run(fmt.Sprintf("%s/%s/%s", tenant.name, tt.name, route), func(t *testing.T) {
					before := content(t)
					own := map[string]string{}
					for name, k := range references(t, route) {
						own[name] = tenant.own.things[k]
					}
					got := build(t, route, own).send(t, base.With("Access-Type", string(tt.access)).With(tt.header, tt.key))
					if got.Code() != tt.want {
						t.Errorf("answered with %s, want %s", got, tt.want)
					}
					if changed := database.Changed(before, content(t)); len(changed) > 0 {
						t.Errorf("%v changed", changed)
					}
				})
			}
		}
	}
}
