package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"

	"vestibule.dev/pkg/oidctest"
	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

const (
	password = "correct horse battery"
	page     = "http://localhost:3000/handler"

	// crowd is how many sign up at once, of whom some come by mail and some
	// by a provider.
	crowd        = 64
	mailed, sent = 4, 8
)

// outcomes counts answers by what they say.
type outcomes struct {
	mu   sync.Mutex
	seen map[string]int
}

func (o *outcomes) add(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen == nil {
		o.seen = map[string]int{}
	}
	o.seen[what]++
}

// others are the answers but those allowed.
func (o *outcomes) others(allowed ...string) []string {
	var others []string
	for what, n := range o.seen {
		if !slices.Contains(allowed, what) {
			others = append(others, fmt.Sprintf("%d × %s", n, what))
		}
	}
	slices.Sort(others)
	return others
}

func (o *outcomes) String() string {
	var lines []string
	for _, what := range slices.Sorted(maps.Keys(o.seen)) {
		lines = append(lines, fmt.Sprintf("%6d × %s", o.seen[what], what))
	}
	return strings.Join(lines, "\n")
}

// busy says that the system asks to come back: a crowd may be more than a
// machine can look at in time, and nothing is said of what was asked for.
func busy(answer client.Response) bool {
	return answer.Status == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != ""
}

// insist sends a request until the system is not too busy for it.
func insist(ctx context.Context, c *client.Client, method, path string, body any) (answer client.Response, err error) {
	err = client.Poll(ctx, func(ctx context.Context) (err error) {
		if answer, err = c.Do(ctx, method, path, body); err == nil && busy(answer) {
			err = fmt.Errorf("%s %s: %s", method, path, answer)
		}
		return err
	})
	return answer, err
}

// say names an answer by how somebody came, its status and its code.
func say(way string, answer client.Response, err error) string {
	switch {
	case err != nil:
		return way + ": " + err.Error()
	case busy(answer):
		return way + ": asked to come back"
	}
	return strings.TrimSpace(fmt.Sprintf("%s: %d %s", way, answer.Status, answer.Code()))
}

// signUpAnswers are what the contract has for those who come second: by
// password the address is taken, by mail it is unverified until its owner
// proved it, and a provider's account does not join such a one. Whoever is one
// too many at the moment is asked to come back.
var signUpAnswers = []string{
	"password: asked to come back", "mail: asked to come back", "provider: asked to come back", "provider: OAUTH_PROVIDER_TEMPORARILY_UNAVAILABLE",
	"password: 200", "password: 409 USER_EMAIL_ALREADY_EXISTS",
	"mail: 200", "mail: 409 USER_EMAIL_ALREADY_EXISTS",
	"provider: signed in", "provider: CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE", "provider: USER_EMAIL_ALREADY_EXISTS",
}

// signUpTogether lets a crowd sign up with one address in several spellings, by
// password, mail and provider, through both gateways at once. It returns how
// many users there are then.
func (a *arena) signUpTogether(ctx context.Context, project stack.Project, seen *outcomes) (users int, err error) {
	email := client.FreshEmail("crowd")
	var codes []string
	for i := range mailed {
		code, err := a.mailedCode(ctx, project, email, i+1)
		if err != nil {
			return 0, err
		}
		codes = append(codes, code)
	}
	var returns []*url.URL
	for range sent {
		back, err := a.visitProvider(ctx, project, email)
		if err != nil {
			return 0, err
		}
		returns = append(returns, back)
	}
	together(crowd, func(i int) {
		base := a.gateways[i%len(a.gateways)]
		visitor := client.For(base, project, client.Public)
		switch {
		case i < mailed:
			answer, err := visitor.Do(ctx, http.MethodPost, "/auth/otp/sign-in", map[string]any{"code": codes[i]})
			seen.add(say("mail", answer, err))
		case i < mailed+sent:
			back := returns[i-mailed]
			answer, err := client.New(base).Do(ctx, http.MethodGet, back.Path+"?"+back.RawQuery, nil)
			seen.add(sayReturn(answer, err))
		default:
			answer, err := visitor.Do(ctx, http.MethodPost, "/auth/password/sign-up", map[string]any{"email": spell(email, i), "password": password})
			seen.add(say("password", answer, err))
		}
	})
	// One more, in case all were asked to come back.
	answer, err := insist(ctx, client.For(a.gateways[0], project, client.Public), http.MethodPost, "/auth/password/sign-up",
		map[string]any{"email": email, "password": password})
	if err != nil {
		return 0, err
	}
	seen.add(say("password", answer, nil))
	var found struct {
		Items []struct {
			PrimaryEmail *string `json:"primary_email"`
		} `json:"items"`
	}
	err = client.For(a.gateways[0], project, client.Server).Expect(ctx, http.MethodGet, "/users?include_anonymous=true&query="+url.QueryEscape(email), nil, &found)
	return len(found.Items), err
}

// spell writes an address in another way.
func spell(email string, i int) string {
	letters := []byte(email)
	for at := range letters {
		if (at*7+i)%3 == 0 {
			letters[at] = strings.ToUpper(string(letters[at]))[0]
		}
	}
	return string(letters)
}

// mailedCode asks for a code and reads the mail, which is the nth to the
// address.
func (a *arena) mailedCode(ctx context.Context, project stack.Project, email string, nth int) (string, error) {
	answer, err := client.For(a.gateways[0], project, client.Public).Do(ctx, http.MethodPost, "/auth/otp/send-sign-in-code",
		map[string]any{"email": email, "callback_url": page})
	if err != nil || answer.Status != http.StatusOK {
		return "", errors.Join(fmt.Errorf("send code: %s", answer), err)
	}
	nonce, _ := answer.Object()["nonce"].(string)
	box := client.Mailbox{URL: a.system.MailboxURL}
	var code string
	err = client.Poll(ctx, func(ctx context.Context) error {
		mails, err := box.To(ctx, email)
		if err != nil {
			return err
		}
		if len(mails) != nth {
			return fmt.Errorf("%d mails", len(mails))
		}
		words := strings.Fields(mails[0].Subject)
		code = strings.ToLower(words[len(words)-1]) + nonce
		return nil
	})
	return code, err
}

// visitProvider goes to the provider and returns where its browser is sent
// back to, which nobody has visited yet. The account is a new one, with a
// verified address.
func (a *arena) visitProvider(ctx context.Context, project stack.Project, email string) (*url.URL, error) {
	person := oidctest.Person{Subject: rand.Text(), Email: email, EmailVerified: true}
	a.idp.Add(person)
	sum := sha256.Sum256([]byte(rand.Text()))
	query := url.Values{
		"client_id": {project.ID}, "client_secret": {project.PublishableClientKey}, "redirect_uri": {page}, "scope": {"legacy"}, "state": {"s"},
		"grant_type": {"authorization_code"}, "response_type": {"code"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "hexclave_response_mode": {"json"},
	}
	answer, err := client.New(a.gateways[0]).Do(ctx, http.MethodGet, "/auth/oauth/authorize/google?"+query.Encode(), nil)
	if err != nil || answer.Status != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("authorize: %s", answer), err)
	}
	var departure struct{ Location string }
	if err := json.Unmarshal(answer.Body, &departure); err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(a.idp.URL)
	if err != nil {
		return nil, err
	}
	jar.SetCookies(at, []*http.Cookie{{Name: oidctest.PersonCookie, Value: person.Subject, Path: "/"}})
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), a.system.BaseURL) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, departure.Location, nil)
	if err != nil {
		return nil, err
	}
	response, err := browser.Do(request)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	return response.Location()
}

// sayReturn names what a browser that comes back is told.
func sayReturn(answer client.Response, err error) string {
	if err != nil {
		return say("provider", answer, err)
	}
	location, err := url.Parse(answer.Header.Get("Location"))
	switch {
	case err != nil || !strings.HasPrefix(location.String(), page):
		return say("provider", answer, err)
	case location.Query().Get("code") != "":
		return "provider: signed in"
	default:
		return "provider: " + location.Query().Get("errorCode")
	}
}

// signUpProject is one in which every way of this attack is open.
func (a *arena) signUpProject(ctx context.Context) (stack.Project, error) {
	project, err := client.NewProject(ctx, a.gateways[0], a.system.Projects["internal"], "Crowd", map[string]any{"magic_link_enabled": true})
	if err != nil {
		return stack.Project{}, err
	}
	return project, client.For(a.gateways[0], project, client.Admin).Configure(ctx, "environment", map[string]any{
		"auth.oauth.providers.google": map[string]any{"type": "google", "allowSignIn": true},
	})
}

// signUpRounds repeats signUpTogether. It fails when a round makes another
// number of users than one, or somebody is told what the contract does not have.
func (a *arena) signUpRounds(ctx context.Context, rounds int) (*outcomes, error) {
	project, err := a.signUpProject(ctx)
	if err != nil {
		return nil, err
	}
	seen := &outcomes{}
	for round := range rounds {
		users, err := a.signUpTogether(ctx, project, seen)
		if err != nil {
			return seen, err
		}
		if users != 1 {
			return seen, fmt.Errorf("round %d: %d users of one address", round, users)
		}
	}
	if others := seen.others(signUpAnswers...); others != nil {
		return seen, fmt.Errorf("answers that nobody should get: %s", strings.Join(others, ", "))
	}
	return seen, nil
}

func reportSignUps(ctx context.Context, a *arena, n int) error {
	if n == 0 {
		n = 200
	}
	seen, err := a.signUpRounds(ctx, n)
	if seen != nil {
		fmt.Printf("%d rounds of %d sign-ups of one address, through two gateways:\n%s\n", n, crowd, seen)
	}
	return err
}

// refreshRounds refreshes one token by a crowd at once, through both gateways,
// again and again. It fails when an answer is no access token that works, or
// the user has more sessions than one then.
func (a *arena) refreshRounds(ctx context.Context, rounds int) (*outcomes, error) {
	project := a.system.Projects["dev"]
	tokens, err := client.For(a.gateways[0], project, client.Public).SignUp(ctx, client.FreshEmail("refresh"), password)
	if err != nil {
		return nil, err
	}
	seen := &outcomes{}
	for range rounds {
		together(crowd, func(i int) {
			visitor := client.For(a.gateways[i%len(a.gateways)], project, client.Public)
			answer, err := insist(ctx, visitor.With("Refresh-Token", tokens.RefreshToken), http.MethodPost, "/auth/sessions/current/refresh", nil)
			if err != nil || answer.Status != http.StatusOK {
				seen.add(say("refresh", answer, err))
				return
			}
			token, _ := answer.Object()["access_token"].(string)
			answer, err = insist(ctx, visitor.SignedIn(client.Tokens{AccessToken: token}), http.MethodGet, "/users/me", nil)
			seen.add(say("use", answer, err))
		})
	}
	if others := seen.others("use: 200"); others != nil {
		return seen, fmt.Errorf("answers that nobody should get: %s", strings.Join(others, ", "))
	}
	var sessions struct{ Items []any }
	err = client.For(a.gateways[0], project, client.Public).SignedIn(tokens).Expect(ctx, http.MethodGet, "/auth/sessions?user_id=me", nil, &sessions)
	if err == nil && len(sessions.Items) != 1 {
		err = fmt.Errorf("%d sessions", len(sessions.Items))
	}
	return seen, err
}

func reportRefreshes(ctx context.Context, a *arena, n int) error {
	if n == 0 {
		n = 10_000/crowd + 1
	}
	seen, err := a.refreshRounds(ctx, n)
	if seen != nil {
		fmt.Printf("%d rounds of %d refreshes of one token, through two gateways, each access token used:\n%s\n", n, crowd, seen)
	}
	return err
}
