// Package isolation proves that a caller sees and changes what is theirs and
// nothing else. Its cases are made from the descriptors: a new route joins
// every matrix without anyone adding it, and fails here until it is clear what
// its references mean.
package isolation

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"testing"

	"golang.org/x/sync/errgroup"

	"vestibule.dev/test/client"
	"vestibule.dev/test/database"
	"vestibule.dev/test/events"
	"vestibule.dev/test/stack"
	"vestibule.dev/test/stripe"
)

var (
	system    *stack.Stack
	databases *database.Set
	stream    *events.Log
	// tenants are pairs of a project and one that must stay out of reach.
	tenants []*tenant
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	provider := stripe.Start()
	defer provider.Close()
	environ := append(provider.Environment(),
		// The same few people fail more often here than strangers may,
		"IDENTITY_PASSWORD_FAILURES_BURST=100000", "IDENTITY_FAILURES_IN_A_ROW=1000000",
		// and their tokens are used to the end, however long it takes.
		"SESSIONS_ACCESS_TOKEN_LIFETIME=6h")
	if system, err = stack.Start(ctx, environ...); err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := system.Stop(); err == nil {
			err = stopErr
		}
	}()
	if err := settleIn(ctx); err != nil {
		return 1, fmt.Errorf("prepare: %w", err)
	}
	if databases, err = database.Open(ctx, system.Databases); err != nil {
		return 1, err
	}
	defer databases.Close(ctx)
	if stream, err = events.Open(system.NATSURL); err != nil {
		return 1, err
	}
	defer stream.Close()
	return m.Run(), nil
}

// kind is what a reference in a request names.
type kind string

const (
	aUser    kind = "user"
	aChannel kind = "contact channel"
	aSession kind = "session"
	aTeam    kind = "team"
	// Invites somebody else to the person's team.
	anInvitation kind = "invitation"
	aKeySet      kind = "API key set"

	aWebhookEndpoint kind = "webhook endpoint"
	aWebhookMessage  kind = "webhook message"

	aSubscription kind = "subscription"
	// Whoever holds a code or a refresh token may use it, but in its own
	// project alone.
	aCode         kind = "one-time code"
	aRefreshToken kind = "refresh token"
	aLoginCode    kind = "login code of a command-line program"
	aPollingCode  kind = "polling code of a command-line program"
	anAPIKeyText  kind = "text of an API key"
	// Clients are told that a user's key is not theirs.
	aUserAPIKey kind = "API key of a user"
	aTeamAPIKey kind = "API key of a team"
	// Names the caller's own project, or one whose answer is public.
	aProject kind = "project"
	anEmail  kind = "mail of the outbox"
	aTheme   kind = "email theme"
	aDraft   kind = "email draft"
	// Only projects with a mail server of their own have any.
	aTemplate kind = "email template"
	// The same for all projects.
	aCategory kind = "notification category"
	// Has to be there and is not looked at.
	anyUser kind = "any user"
	// Names nothing of anybody, such as an entry of the configuration.
	aName kind = "name"
)

// projectWide are the kinds that are told from what does not exist, or may be
// used, by everybody in the same project.
var projectWide = []kind{aCode, aRefreshToken, aLoginCode, aPollingCode, anAPIKeyText, aKeySet, aUserAPIKey, aWebhookEndpoint, aWebhookMessage, anEmail, aTheme, aDraft, aTemplate}

// person is a user with one of everything.
type person struct {
	client.Tokens
	email    string
	password string
	things   map[kind]string
}

// tenant is a project with its people.
type tenant struct {
	name    string
	project stack.Project
	// own and other have signed up and verified nothing; own's second session
	// is among the things.
	own, other, anonymous, restricted person
	// foreign is the project that this one must not reach.
	foreign *tenant
}

// settleIn makes two projects of two operators, and people in these and in
// project internal.
func settleIn(ctx context.Context) error {
	var operators [2]client.Operator
	var projects [2]stack.Project
	for i := range operators {
		var err error
		if operators[i], err = client.NewOperator(ctx, system.BaseURL, system.Projects["internal"]); err != nil {
			return err
		}
		config := map[string]any{"allow_localhost": true, "create_team_on_sign_up": true, "client_user_deletion_enabled": true,
			"passkey_enabled": true, "allow_user_api_keys": true, "allow_team_api_keys": true}
		if projects[i], err = operators[i].NewProject(ctx, "Project "+string(rune('A'+i)), config); err != nil {
			return err
		}
		// Each has an account of its own at the payment provider.
		admin := client.For(system.BaseURL, projects[i], client.Admin)
		if err := admin.Expect(ctx, http.MethodPost, "/internal/payments/setup", map[string]any{}, nil); err != nil {
			return err
		}
	}
	a := &tenant{name: "project", project: projects[0]}
	b := &tenant{name: "other project", project: projects[1]}
	internal := &tenant{name: "internal", project: system.Projects["internal"]}
	a.foreign, internal.foreign, b.foreign = b, b, a
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2) // hashing is the bottleneck
	for _, t := range []*tenant{a, b, internal} {
		group.Go(func() error { return t.populate(ctx) })
	}
	tenants = []*tenant{a, internal}
	return group.Wait()
}

func (t *tenant) caller(access client.Access) *client.Client {
	return client.For(system.BaseURL, t.project, access)
}

func (t *tenant) populate(ctx context.Context) error {
	keySet, err := t.keySet(ctx)
	if err != nil {
		return err
	}
	if err := t.useProvider(ctx); err != nil {
		return err
	}
	endpoint, message, err := t.webhooks(ctx)
	if err != nil {
		return err
	}
	for _, p := range []*person{&t.own, &t.other, &t.restricted} {
		if *p, err = t.signUp(ctx); err != nil {
			return err
		}
		p.things[aKeySet], p.things[aWebhookEndpoint], p.things[aWebhookMessage] = keySet, endpoint, message
		if err := t.equip(ctx, p); err != nil {
			return err
		}
	}
	designs, err := t.designs(ctx)
	if err != nil {
		return err
	}
	for _, p := range []*person{&t.own, &t.other, &t.restricted} {
		maps.Copy(p.things, designs)
	}
	t.anonymous.things = map[kind]string{}
	if t.anonymous.Tokens, err = t.caller(client.Public).SignUpAnonymously(ctx); err != nil {
		return err
	}
	t.anonymous.things[aUser] = t.anonymous.UserID
	return t.restrict(ctx, &t.restricted)
}

// designs makes a theme and a draft, and finds one of the mails sent so far.
func (t *tenant) designs(ctx context.Context) (map[kind]string, error) {
	found := map[kind]string{}
	admin := t.caller(client.Admin)
	for k, path := range map[kind]string{aTheme: "/internal/email-themes", aDraft: "/internal/email-drafts"} {
		var created struct {
			ID string `json:"id"`
		}
		if err := admin.Expect(ctx, http.MethodPost, path, map[string]any{"display_name": "Mine"}, &created); err != nil {
			return nil, err
		}
		found[k] = created.ID
	}
	var outbox struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	if err := admin.Expect(ctx, http.MethodGet, "/emails/outbox?limit=1", nil, &outbox); err != nil {
		return nil, err
	}
	if len(outbox.Items) == 0 {
		return nil, fmt.Errorf("%s has sent no mail", t.name)
	}
	found[anEmail] = outbox.Items[0].ID
	return found, nil
}

func (t *tenant) keySet(ctx context.Context) (string, error) {
	var sets struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	if err := t.caller(client.Admin).Expect(ctx, http.MethodGet, "/internal/api-keys", nil, &sets); err != nil {
		return "", err
	}
	if len(sets.Items) == 0 {
		return "", fmt.Errorf("%s has no API keys", t.name)
	}
	return sets.Items[0].ID, nil
}

// webhooks makes a disabled endpoint, which is never called, and a message that
// waits for it.
func (t *tenant) webhooks(ctx context.Context) (endpoint, message string, err error) {
	admin := t.caller(client.Admin)
	var created struct {
		ID string `json:"id"`
	}
	if err := admin.Expect(ctx, http.MethodPost, "/webhooks/endpoints", map[string]any{"url": "https://hooks.example.com", "disabled": true}, &created); err != nil {
		return "", "", err
	}
	if err := admin.Expect(ctx, http.MethodPost, "/internal/send-test-webhook", map[string]any{"endpoint_id": created.ID}, nil); err != nil {
		return "", "", err
	}
	var messages struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	if err := admin.Expect(ctx, http.MethodGet, "/webhooks/messages", nil, &messages); err != nil {
		return "", "", err
	}
	if len(messages.Items) == 0 {
		return "", "", fmt.Errorf("%s has no webhook messages", t.name)
	}
	return created.ID, messages.Items[0].ID, nil
}

// signUp makes a person with a mail that holds an unused code, a second
// session and a team.
func (t *tenant) signUp(ctx context.Context) (person, error) {
	p := person{email: client.FreshEmail("person"), password: "correct horse battery", things: map[kind]string{}}
	visitor := t.caller(client.Public)
	err := visitor.Expect(ctx, http.MethodPost, "/auth/password/sign-up", map[string]any{
		"email": p.email, "password": p.password, "verification_callback_url": "http://localhost:3000/verify",
	}, &p.Tokens)
	if err != nil {
		return person{}, err
	}
	p.things[aUser], p.things[aRefreshToken], p.things[aProject], p.things[anyUser] = p.UserID, p.RefreshToken, t.project.ID, p.UserID
	me := visitor.SignedIn(p.Tokens)

	second, err := visitor.SignIn(ctx, p.email, p.password)
	if err != nil {
		return person{}, err
	}
	claims, err := client.Claims(second.AccessToken)
	if err != nil {
		return person{}, err
	}
	p.things[aSession], _ = claims["refresh_token_id"].(string)
	p.things[aTeam], _ = claims["selected_team_id"].(string)

	var channels struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	if err := me.Expect(ctx, http.MethodGet, "/contact-channels?user_id=me", nil, &channels); err != nil {
		return person{}, err
	}
	if len(channels.Items) != 1 {
		return person{}, fmt.Errorf("%s has %d contact channels", p.email, len(channels.Items))
	}
	p.things[aChannel] = channels.Items[0].ID

	if p.things[aLink], err = t.link(ctx, p.UserID); err != nil {
		return person{}, err
	}
	mail, err := client.Mailbox{URL: system.MailboxURL}.Await(ctx, p.email, "")
	if err != nil {
		return person{}, err
	}
	if p.things[aCode], err = mail.Code(); err != nil {
		return person{}, err
	}
	if p.things[anInvitation], err = t.invite(ctx, p.things[aTeam]); err != nil {
		return person{}, err
	}
	if p.things[aSubscription], err = t.subscribe(ctx, p.UserID); err != nil {
		return person{}, err
	}
	for _, k := range []kind{aUser, aChannel, aSession, aTeam, aLink, anInvitation, aCode, aRefreshToken, aSubscription} {
		if p.things[k] == "" {
			return person{}, fmt.Errorf("%s has no %s", p.email, k)
		}
	}
	return p, nil
}

// invite makes an invitation to a team that nobody will accept.
func (t *tenant) invite(ctx context.Context, teamID string) (id string, err error) {
	var invitation struct {
		ID string `json:"id"`
	}
	err = t.caller(client.Server).Expect(ctx, http.MethodPost, "/team-invitations/send-code", map[string]any{
		"team_id": teamID, "email": client.FreshEmail("guest"), "callback_url": "http://localhost:3000/join",
	}, &invitation)
	return invitation.ID, err
}

// subscribe gives a user a subscription.
func (t *tenant) subscribe(ctx context.Context, userID string) (subscriptionID string, err error) {
	var granted struct {
		SubscriptionID string `json:"subscription_id"`
	}
	err = t.caller(client.Server).Expect(ctx, http.MethodPost, "/payments/products/user/"+userID, map[string]any{
		"product_inline": map[string]any{
			"display_name": "Plan", "customer_type": "user", "server_only": false,
			"prices": map[string]any{"monthly": map[string]any{"USD": "9.99", "interval": []any{1, "month"}}},
		},
	}, &granted)
	return granted.SubscriptionID, err
}

// equip gives a person API keys, where the project has them, and a log-in of a
// command-line program that waits.
func (t *tenant) equip(ctx context.Context, p *person) error {
	var login struct {
		PollingCode string `json:"polling_code"`
		LoginCode   string `json:"login_code"`
	}
	err := t.caller(client.Public).Expect(ctx, http.MethodPost, "/auth/cli", map[string]any{"expires_in_millis": 86_400_000}, &login)
	if err != nil {
		return err
	}
	p.things[aPollingCode], p.things[aLoginCode] = login.PollingCode, login.LoginCode
	if t.project.ID == system.Projects["internal"].ID {
		return nil
	}
	var key struct {
		ID    string `json:"id"`
		Value string `json:"value"`
	}
	server := t.caller(client.Server)
	wanted := map[string]any{"description": "CI", "team_id": p.things[aTeam]}
	if err := server.Expect(ctx, http.MethodPost, "/team-api-keys", wanted, &key); err != nil {
		return err
	}
	p.things[aTeamAPIKey] = key.ID
	wanted = map[string]any{"description": "CI", "user_id": p.UserID}
	if err := server.Expect(ctx, http.MethodPost, "/user-api-keys", wanted, &key); err != nil {
		return err
	}
	p.things[aUserAPIKey], p.things[anAPIKeyText] = key.ID, key.Value
	return nil
}

// restrict restricts a person and gives them a token that says so.
func (t *tenant) restrict(ctx context.Context, p *person) error {
	err := t.caller(client.Server).SignedIn(p.Tokens).
		Expect(ctx, http.MethodPatch, "/users/me", map[string]any{"restricted_by_admin": true}, nil)
	if err != nil {
		return err
	}
	return t.caller(client.Public).With("Refresh-Token", p.RefreshToken).
		Expect(ctx, http.MethodPost, "/auth/sessions/current/refresh", nil, &p.Tokens)
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

// settle waits until nobody writes any more unless asked to.
func settle(t *testing.T) {
	t.Helper()
	if err := databases.Settle(t.Context(), stream.Drained); err != nil {
		t.Fatal(err)
	}
}

// content is a digest of all databases.
func content(t *testing.T) map[string]string {
	t.Helper()
	digest, err := databases.Digest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return digest
}
