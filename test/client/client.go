package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"vestibule.dev/test/stack"
)

// Access is the access type a caller declares.
type Access string

// The access types of the API contract (protocol §3).
const (
	Public Access = "client"
	Server Access = "server"
	Admin  Access = "admin"
)

// Client is one caller. It is safe for concurrent use; With and its relatives
// return changed copies.
type Client struct {
	base   string
	http   *http.Client
	header http.Header
}

// transport is shared by all clients, so that a test with many callers does
// not open a connection for each. It gives up idle connections well before the
// system does: a request must not meet the end of its connection.
var transport = &http.Transport{MaxIdleConnsPerHost: 128, IdleConnTimeout: 20 * time.Second}

// New returns a caller without credentials. The base is an origin such as
// http://127.0.0.1:8102.
func New(base string) *Client {
	return &Client{
		base:   base,
		http:   &http.Client{Transport: transport, Timeout: Patience, CheckRedirect: stay},
		header: http.Header{},
	}
}

// stay returns redirects to the caller: they are answers too.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// For returns a caller with the project's key for an access type.
func For(base string, project stack.Project, access Access) *Client {
	c := New(base).With("Project-Id", project.ID).With("Access-Type", string(access))
	switch access {
	case Server:
		return c.With("Secret-Server-Key", project.SecretServerKey)
	case Admin:
		return c.With("Super-Secret-Admin-Key", project.SuperSecretAdminKey)
	default:
		return c.With("Publishable-Client-Key", project.PublishableClientKey)
	}
}

// With returns a copy that sends X-Hexclave-<name>; an empty value removes it.
func (c *Client) With(name, value string) *Client {
	return c.WithHeader("X-Hexclave-"+name, value)
}

// WithHeader returns a copy that sends a header; an empty value removes it.
func (c *Client) WithHeader(name, value string) *Client {
	changed := *c
	changed.header = c.header.Clone()
	changed.header.Del(name)
	if value != "" {
		changed.header.Set(name, value)
	}
	return &changed
}

// SignedIn returns a copy that sends the user's access token and says that
// anonymous and restricted users are welcome, as SDKs do.
func (c *Client) SignedIn(tokens Tokens) *Client {
	return c.With("Access-Token", tokens.AccessToken).With("Allow-Anonymous-User", "true")
}

// Tokens is what signing up and in answer.
type Tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	UserID       string `json:"user_id"`
}

// Response is one answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Code is the code of the known error, or "".
func (r Response) Code() string { return r.Header.Get("X-Hexclave-Known-Error") }

// RequestID names the request in the logs of all processes.
func (r Response) RequestID() string { return r.Header.Get("X-Hexclave-Request-Id") }

// Decode reads the JSON body into target.
func (r Response) Decode(target any) error {
	if err := json.Unmarshal(r.Body, target); err != nil {
		return fmt.Errorf("%w in %s", err, r)
	}
	return nil
}

// Object is the body as JSON object; nil when it is none.
func (r Response) Object() map[string]any {
	var object map[string]any
	if json.Unmarshal(r.Body, &object) != nil {
		return nil
	}
	return object
}

// String is for messages of tests.
func (r Response) String() string {
	body := r.Body
	if len(body) > 500 {
		body = body[:500]
	}
	return fmt.Sprintf("%d %s %s", r.Status, r.Code(), strings.TrimSpace(string(body)))
}

// Do sends a request to a path below /api/v1, which may hold a query, or to
// the whole path if it begins with /api/. A nil body sends none; []byte is
// sent as it is, anything else as JSON.
func (c *Client) Do(ctx context.Context, method, path string, body any) (Response, error) {
	if !strings.HasPrefix(path, "/api/") {
		path = "/api/v1" + path
	}
	var content io.Reader
	switch body := body.(type) {
	case nil:
	case []byte:
		content = bytes.NewReader(body)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			return Response{}, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return Response{}, err
	}
	request.Header = c.header.Clone()
	if content != nil && request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return Response{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return Response{}, err
	}
	return Response{Status: answer.StatusCode, Header: answer.Header, Body: text}, nil
}

// Expect is Do for a request that must succeed; the answer's JSON is read into
// target unless that is nil.
func (c *Client) Expect(ctx context.Context, method, path string, body, target any) error {
	response, err := c.Do(ctx, method, path, body)
	switch {
	case err != nil:
		return err
	case response.Status/100 != 2:
		return fmt.Errorf("%s %s: %s", method, path, response)
	case target == nil:
		return nil
	}
	return response.Decode(target)
}

// SignUp signs up by password, without a verification mail.
func (c *Client) SignUp(ctx context.Context, email, password string) (Tokens, error) {
	var tokens Tokens
	err := c.Expect(ctx, http.MethodPost, "/auth/password/sign-up", map[string]any{"email": email, "password": password}, &tokens)
	return tokens, err
}

// SignUpAnonymously signs up without credentials.
func (c *Client) SignUpAnonymously(ctx context.Context) (Tokens, error) {
	var tokens Tokens
	err := c.Expect(ctx, http.MethodPost, "/auth/anonymous/sign-up", nil, &tokens)
	return tokens, err
}

// SignIn signs in by password.
func (c *Client) SignIn(ctx context.Context, email, password string) (Tokens, error) {
	var tokens Tokens
	err := c.Expect(ctx, http.MethodPost, "/auth/password/sign-in", map[string]any{"email": email, "password": password}, &tokens)
	return tokens, err
}

// PersonalTeam waits for the team that a signed-in user of a project that makes
// teams was given, and returns its id. A sign-up does not wait for it longer than
// a moment.
func (c *Client) PersonalTeam(ctx context.Context) (id string, err error) {
	err = Poll(ctx, func(ctx context.Context) error {
		var user struct {
			ID     string  `json:"id"`
			TeamID *string `json:"selected_team_id"`
		}
		if err := c.Expect(ctx, http.MethodGet, "/users/me", nil, &user); err != nil {
			return err
		}
		if user.TeamID == nil {
			return fmt.Errorf("user %s has no personal team", user.ID)
		}
		id = *user.TeamID
		return nil
	})
	return id, err
}

// Claims reads the claims of an access token without verifying it.
func Claims(accessToken string) (map[string]any, error) {
	_, rest, _ := strings.Cut(accessToken, ".")
	payload, _, ok := strings.Cut(rest, ".")
	if !ok {
		return nil, fmt.Errorf("%q is not a JWT", accessToken)
	}
	text, err := base64URL(payload)
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	return claims, json.Unmarshal(text, &claims)
}
