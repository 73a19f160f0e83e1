package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

const (
	password    = "correct horse battery"
	callbackURL = "http://localhost:3000/handler/email-verification"
)

// visitor is a client of a project through the proxy, not signed in.
func visitor(project stack.Project) *client.Client {
	return client.For(proxyURL, project, client.Public)
}

// call sends a request that must be answered.
func call(t *testing.T, c *client.Client, method, path string, body any) client.Response {
	t.Helper()
	response, err := c.Do(t.Context(), method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return response
}

// insist sends a request until it is not refused for being one too many: with
// one database connection per service a crowd is too many for a moment, and is
// told to come back. Whoever comes back waits a moment, as told: those who ask
// all the time only keep a slow machine from answering.
func insist(ctx context.Context, c *client.Client, method, path string, body any) (client.Response, error) {
	answer, _, err := comeBack(ctx, c, method, path, body)
	return answer, err
}

// comeBack is insist, and tells how often the request was refused. What was
// refused may have had its effect: the answer may only have come too late.
func comeBack(ctx context.Context, c *client.Client, method, path string, body any) (answer client.Response, refusals int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for {
		answer, err = c.Do(ctx, method, path, body)
		if err != nil || answer.Status != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
			return answer, refusals, err
		}
		refusals++
		select {
		case <-ctx.Done():
			return answer, refusals, ctx.Err()
		case <-ticker.C:
		}
	}
}

// succeed sends a request that must succeed and returns its JSON object.
func succeed(t *testing.T, c *client.Client, method, path string, body any) map[string]any {
	t.Helper()
	response := call(t, c, method, path, body)
	if response.Status/100 != 2 {
		t.Fatalf("%s %s: %s", method, path, response)
	}
	return response.Object()
}

// refuse sends a request that must fail with a known error.
func refuse(t *testing.T, c *client.Client, method, path string, body any, want string) client.Response {
	t.Helper()
	response := call(t, c, method, path, body)
	if response.Code() != want {
		t.Errorf("%s %s: %s, want %s", method, path, response, want)
	}
	return response
}

// signUp signs a new person up and returns them with their client.
func signUp(t *testing.T, project stack.Project) (email string, tokens client.Tokens, me *client.Client) {
	t.Helper()
	email = client.FreshEmail("person")
	tokens, err := visitor(project).SignUp(t.Context(), email, password)
	if err != nil {
		t.Fatal(err)
	}
	return email, tokens, visitor(project).SignedIn(tokens)
}

// refresh trades a refresh token for an access token.
func refresh(t *testing.T, project stack.Project, refreshToken string) client.Response {
	t.Helper()
	return call(t, visitor(project).With("Refresh-Token", refreshToken), http.MethodPost, "/auth/sessions/current/refresh", nil)
}

// newProject makes a project of a new operator.
func newProject(t *testing.T, config map[string]any) stack.Project {
	t.Helper()
	project, err := client.NewProject(t.Context(), proxyURL, system.Projects["internal"], t.Name(), config)
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// code waits for a verification mail and returns its code.
func code(t *testing.T, email string) string {
	t.Helper()
	mail, err := client.Mailbox{URL: system.MailboxURL}.Await(t.Context(), strings.ToLower(email), "")
	if err != nil {
		t.Fatal(err)
	}
	code, err := mail.Code()
	if err != nil {
		t.Fatal(err)
	}
	return code
}
