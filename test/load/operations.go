package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

// shape is what a request cannot do without.
type shape string

// The floors.
const (
	readShape  shape = "SELECT + verify"
	writeShape shape = "durable + sign"
)

// operation is something people do with the API.
type operation struct {
	name string
	// goalSQL and goalHops are the most statements and calls a request may
	// take.
	goalSQL, goalHops int
	// floor is the shape to compare with, times the most the operation may
	// cost of it; plus is what it may cost beyond, in milliseconds. hashes is
	// how many password hashes come on top.
	floor  shape
	times  float64
	plus   float64
	hashes int
	// next makes the requests. It is called by many at once.
	next func(*world) func() *http.Request
}

// operations in the order of the report.
var operations = []operation{
	{name: "current user, no selected team", goalSQL: 1, goalHops: 1, floor: readShape, times: 1.3, next: func(w *world) func() *http.Request {
		return w.get("/users/me", w.alone)
	}},
	{name: "current user, selected team", goalSQL: 2, goalHops: 2, floor: readShape, times: 1.3, plus: 0.25, next: func(w *world) func() *http.Request {
		return w.get("/users/me", w.member)
	}},
	{name: "list sessions", goalSQL: 1, goalHops: 1, floor: readShape, times: 1.4, next: func(w *world) func() *http.Request {
		return w.get("/auth/sessions?user_id=me", w.alone)
	}},
	{name: "list contact channels", goalSQL: 1, goalHops: 1, floor: readShape, times: 1.4, next: func(w *world) func() *http.Request {
		return w.get("/contact-channels?user_id=me", w.alone)
	}},
	{name: "list teams", goalSQL: 1, goalHops: 1, floor: readShape, times: 1.4, next: func(w *world) func() *http.Request {
		return w.get("/teams?user_id=me", w.member)
	}},
	{name: "list team permissions", goalSQL: 1, goalHops: 1, floor: readShape, times: 1.4, next: func(w *world) func() *http.Request {
		return w.get("/team-permissions?user_id=me&recursive=true", w.member)
	}},
	{name: "list API keys", goalSQL: 1, goalHops: 1, floor: readShape, times: 1.4, next: func(w *world) func() *http.Request {
		return w.get("/user-api-keys?user_id=me", w.alone)
	}},
	{name: "check API key", goalSQL: 1, goalHops: 1, floor: readShape, times: 1.3, next: func(w *world) func() *http.Request {
		return func() *http.Request {
			r := w.request(http.MethodPost, "/user-api-keys/check", map[string]any{"api_key": w.apiKey})
			r.Header.Set("X-Hexclave-Access-Type", "server")
			r.Header.Set("X-Hexclave-Secret-Server-Key", w.project.SecretServerKey)
			return r
		}
	}},
	{name: "refresh", goalSQL: 2, goalHops: 2, floor: writeShape, times: 1.5, next: func(w *world) func() *http.Request {
		return func() *http.Request {
			r := w.request(http.MethodPost, "/auth/sessions/current/refresh", nil)
			r.Header.Set("X-Hexclave-Refresh-Token", w.someone().RefreshToken)
			return r
		}
	}},
	{name: "refresh at the token endpoint", goalSQL: 2, goalHops: 2, floor: writeShape, times: 1.5, next: func(w *world) func() *http.Request {
		return func() *http.Request {
			form := url.Values{
				"grant_type": {"refresh_token"}, "client_id": {w.project.ID},
				"client_secret": {w.project.PublishableClientKey}, "refresh_token": {w.someone().RefreshToken},
			}
			r := must(http.NewRequest(http.MethodPost, w.base+"/api/v1/auth/oauth/token", strings.NewReader(form.Encode())))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r
		}
	}},
	{name: "update user", goalSQL: 6, goalHops: 1, floor: writeShape, times: 2, next: func(w *world) func() *http.Request {
		return w.rename(nil)
	}},
	{name: "sign-in with password", goalSQL: 4, goalHops: 2, hashes: 1, plus: 1.5, next: func(w *world) func() *http.Request {
		return func() *http.Request {
			return w.request(http.MethodPost, "/auth/password/sign-in", map[string]any{"email": w.someone().email, "password": password})
		}
	}},
	{name: "sign-up with password", goalSQL: 6, goalHops: 2, hashes: 1, plus: 3, next: func(w *world) func() *http.Request {
		return func() *http.Request {
			return w.request(http.MethodPost, "/auth/password/sign-up", map[string]any{"email": client.FreshEmail("newcomer"), "password": password})
		}
	}},
}

const password = "correct horse battery"

// person is somebody who has signed up.
type person struct {
	client.Tokens
	email   string
	project stack.Project
}

// world is the project that is measured and its people.
type world struct {
	base    string
	project stack.Project
	// alone has no selected team, member has one.
	alone, member person
	people        []person
	// apiKey is one of alone.
	apiKey   string
	sequence atomic.Int64
}

// crowd is how many people there are to sign in and to refresh; many, so that
// requests do not meet at one row.
const crowd = 32

func newWorld(ctx context.Context, system *stack.Stack) (*world, error) {
	w := &world{base: system.BaseURL, project: system.Projects["dev"]}
	for range crowd {
		p, err := signUp(ctx, w.base, w.project)
		if err != nil {
			return nil, err
		}
		w.people = append(w.people, p)
	}
	w.alone = w.people[0]
	var key struct {
		Value string `json:"value"`
	}
	wanted := map[string]any{"description": "Load", "user_id": "me"}
	me := client.For(w.base, w.project, client.Public).SignedIn(w.alone.Tokens)
	if err := me.Expect(ctx, http.MethodPost, "/user-api-keys", wanted, &key); err != nil {
		return nil, err
	}
	w.apiKey = key.Value
	teamed, err := client.NewProject(ctx, w.base, system.Projects["internal"], "Load", map[string]any{"create_team_on_sign_up": true})
	if err != nil {
		return nil, err
	}
	if w.member, err = signUp(ctx, w.base, teamed); err != nil {
		return nil, err
	}
	if _, err := client.For(w.base, teamed, client.Public).SignedIn(w.member.Tokens).PersonalTeam(ctx); err != nil {
		return nil, err
	}
	return w, w.check(ctx)
}

func signUp(ctx context.Context, base string, project stack.Project) (p person, err error) {
	p = person{email: client.FreshEmail("resident"), project: project}
	p.Tokens, err = client.For(base, project, client.Public).SignUp(ctx, p.email, password)
	return p, err
}

// check proves that member has a selected team and alone has none.
func (w *world) check(ctx context.Context) error {
	for _, p := range []person{w.alone, w.member} {
		var user struct {
			Team map[string]any `json:"selected_team"`
		}
		me := client.For(w.base, p.project, client.Public).SignedIn(p.Tokens)
		if err := me.Expect(ctx, http.MethodGet, "/users/me", nil, &user); err != nil {
			return err
		}
		if (user.Team != nil) != (p.UserID == w.member.UserID) {
			return fmt.Errorf("%s has team %v", p.email, user.Team)
		}
	}
	return nil
}

func (w *world) someone() person { return w.people[int(w.sequence.Add(1))%len(w.people)] }

// get makes requests that read something as a person.
func (w *world) get(path string, p person) func() *http.Request {
	return func() *http.Request {
		r := w.request(http.MethodGet, path, nil)
		r.Header.Set("X-Hexclave-Project-Id", p.project.ID)
		r.Header.Set("X-Hexclave-Publishable-Client-Key", p.project.PublishableClientKey)
		r.Header.Set("X-Hexclave-Access-Token", p.AccessToken)
		return r
	}
}

// rename makes requests that give people new names, and tells the names when
// they are asked for.
func (w *world) rename(tell func(name string)) func() *http.Request {
	return func() *http.Request {
		name := fmt.Sprintf("Name %d", w.sequence.Add(1))
		r := w.request(http.MethodPatch, "/users/me", map[string]any{"display_name": name})
		r.Header.Set("X-Hexclave-Access-Token", w.someone().AccessToken)
		if tell != nil {
			tell(name)
		}
		return r
	}
}

// request carries what SDKs send with every request.
func (w *world) request(method, path string, body any) *http.Request {
	var text []byte
	if body != nil {
		text = must(json.Marshal(body))
	}
	r := must(http.NewRequest(method, w.base+"/api/v1"+path, bytes.NewReader(text)))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range map[string]string{
		"Project-Id": w.project.ID, "Access-Type": "client", "Publishable-Client-Key": w.project.PublishableClientKey,
		"Override-Error-Status": "true", "Allow-Anonymous-User": "true", "Client-Version": "js @stackframe/js@2.8.108",
	} {
		r.Header.Set("X-Hexclave-"+name, value)
	}
	return r
}

// must is for what only a mistake in this program can make fail.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
