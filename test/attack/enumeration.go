package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

// class is a kind of address that somebody wants to tell from others.
type class string

const (
	absent     class = "absent"
	exists     class = "exists"
	unverified class = "unverified"
	oauthOnly  class = "OAuth only"
)

// flow is a request that answers the same whatever address it names, or where
// the contract has it otherwise.
type flow struct {
	name string
	// classes are those that the contract answers alike; the first is compared
	// with the others.
	classes []class
	// differ are classes with an answer of their own, as the contract wants it.
	differ map[class]string
	// parallel is how many ask at once: 1 where time is to be exact.
	parallel int
	request  func(a *arena, project stack.Project, email string, sample int) (*client.Client, string, map[string]any)
}

var flows = []flow{
	{
		name: "sign-in", classes: []class{absent, exists, unverified, oauthOnly}, parallel: 1,
		request: func(a *arena, project stack.Project, email string, sample int) (*client.Client, string, map[string]any) {
			return from(client.For(a.gateways[0], project, client.Public), place(sample)), "/auth/password/sign-in", map[string]any{"email": email, "password": "not the password"}
		},
	},
	{
		// Every answer comes two and a half seconds after its request.
		name: "send-reset", classes: []class{absent, exists, unverified, oauthOnly}, parallel: 64,
		request: func(a *arena, project stack.Project, email string, _ int) (*client.Client, string, map[string]any) {
			return client.For(a.gateways[0], project, client.Public), "/auth/password/send-reset-code", map[string]any{"email": email, "callback_url": page}
		},
	},
	{
		name: "send-OTP", classes: []class{absent, exists, oauthOnly}, parallel: 1,
		differ: map[class]string{unverified: "USER_EMAIL_ALREADY_EXISTS"},
		request: func(a *arena, project stack.Project, email string, _ int) (*client.Client, string, map[string]any) {
			return client.For(a.gateways[0], project, client.Public), "/auth/otp/send-sign-in-code", map[string]any{"email": email, "callback_url": page}
		},
	},
	{
		name: "sign-up", classes: []class{exists, unverified, oauthOnly}, parallel: 1,
		differ: map[class]string{absent: ""},
		request: func(a *arena, project stack.Project, email string, _ int) (*client.Client, string, map[string]any) {
			return client.For(a.gateways[0], project, client.Public), "/auth/password/sign-up", map[string]any{"email": email, "password": password}
		},
	},
	{
		name: "invite", classes: []class{absent, exists, unverified, oauthOnly}, parallel: 1,
		request: func(a *arena, project stack.Project, email string, _ int) (*client.Client, string, map[string]any) {
			return client.For(a.gateways[0], project, client.Server), "/team-invitations/send-code",
				map[string]any{"email": email, "team_id": a.teamID, "callback_url": page}
		},
	},
}

// place is where a sample comes from: no place guesses more than once.
func place(sample int) string {
	return fmt.Sprintf("10.%d.%d.%d", 16+sample/62500, sample/250%250, sample%250)
}

// askedOf is how often one address is named in a flow: fewer times than any
// limit.
const askedOf = 4

// populace is a project with people of every class.
type populace struct {
	project stack.Project
	emails  map[class][]string
}

// populate makes a project with n people of each class.
func (a *arena) populate(ctx context.Context, n int) (*populace, error) {
	project, err := a.signUpProject(ctx)
	if err != nil {
		return nil, err
	}
	server := client.For(a.gateways[0], project, client.Server)
	var team struct{ ID string }
	if err := server.Expect(ctx, http.MethodPost, "/teams", map[string]any{"display_name": "Everybody"}, &team); err != nil {
		return nil, err
	}
	a.teamID = team.ID
	p := &populace{project: project, emails: map[class][]string{}}
	for _, c := range []class{absent, exists, unverified, oauthOnly} {
		for range n {
			email := strings.ToLower(rand.Text()) + "@example.com"
			p.emails[c] = append(p.emails[c], email)
			body := map[string]any{"primary_email": email, "primary_email_auth_enabled": true, "primary_email_verified": c != unverified}
			switch c {
			case absent:
				continue
			case oauthOnly:
				body["oauth_providers"] = []any{map[string]any{"id": "google", "account_id": rand.Text(), "email": email}}
			default:
				body["password"] = password
			}
			if err := server.Expect(ctx, http.MethodPost, "/users", body, nil); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

var anAddress = regexp.MustCompile(`[a-z0-9]+@example\.com`)

// observation is one answer.
type observation struct {
	latency time.Duration
	answer  client.Response
}

// observe names n addresses of each class, the classes taking turns.
func (a *arena) observe(ctx context.Context, p *populace, f flow, n int) (map[class][]observation, error) {
	type question struct {
		class  class
		sample int
	}
	questions := make(chan question)
	go func() {
		defer close(questions)
		for sample := range n {
			for i := range f.classes {
				// In another order each time: the first after a pause is slower.
				questions <- question{f.classes[(i+sample)%len(f.classes)], sample}
			}
			for c := range f.differ {
				if sample < len(p.emails[c]) {
					questions <- question{c, sample}
				}
			}
		}
	}()
	var (
		mu   sync.Mutex
		seen = map[class][]observation{}
		errs []error
	)
	together(f.parallel, func(int) {
		for q := range questions {
			emails := p.emails[q.class]
			c, path, body := f.request(a, p.project, emails[q.sample%len(emails)], q.sample)
			var answer client.Response
			var latency time.Duration
			err := client.Poll(ctx, func(ctx context.Context) (err error) {
				begin := time.Now()
				if answer, err = c.Do(ctx, http.MethodPost, path, body); err == nil && busy(answer) {
					err = fmt.Errorf("%s: %s", path, answer)
				}
				latency = time.Since(begin)
				return err
			})
			mu.Lock()
			seen[q.class] = append(seen[q.class], observation{latency, answer})
			errs = append(errs, err)
			mu.Unlock()
		}
	})
	return seen, errors.Join(errs...)
}

// compare checks that the answers of one class say what those of the others do.
// What is random in them is left out.
func (f flow) compare(seen map[class][]observation) error {
	var errs []error
	first := ""
	for _, c := range f.classes {
		for _, o := range seen[c] {
			says := content(o.answer)
			if first == "" {
				first = says
			}
			if says != first {
				errs = append(errs, fmt.Errorf("%s: %s is told %s, %s %s", f.name, c, says, f.classes[0], first))
				break
			}
		}
	}
	for c, code := range f.differ {
		for _, o := range seen[c] {
			if o.answer.Code() != code {
				errs = append(errs, fmt.Errorf("%s: %s is told %s", f.name, c, o.answer))
				break
			}
		}
	}
	return errors.Join(errs...)
}

// content is all of an answer but what is random or about the address itself.
func content(answer client.Response) string {
	object := answer.Object()
	for _, random := range []string{"nonce", "id", "expires_at_millis"} {
		if _, has := object[random]; has {
			object[random] = "…"
		}
	}
	body := fmt.Sprint(object)
	if object == nil {
		body = string(answer.Body)
	}
	body = anAddress.ReplaceAllString(body, "…")
	var headers []string
	for name := range answer.Header {
		headers = append(headers, name)
	}
	slices.Sort(headers)
	return fmt.Sprintf("%d %s %v", answer.Status, body, headers)
}

// auc is how well a threshold on latency tells two classes apart: 0.5 is not at
// all, 1 always.
func auc(a, b []time.Duration) float64 {
	wins := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x < y:
				wins++
			case x == y:
				wins += 0.5
			}
		}
	}
	share := wins / float64(len(a)*len(b))
	return max(share, 1-share)
}

func median(latencies []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(latencies))
	return sorted[len(sorted)/2]
}

func latenciesOf(observations []observation) []time.Duration {
	latencies := make([]time.Duration, 0, len(observations))
	for _, o := range observations {
		latencies = append(latencies, o.latency)
	}
	return latencies
}

func reportEnumeration(ctx context.Context, a *arena, n int) error {
	if n == 0 {
		n = 400
	}
	fmt.Printf("%d samples of each class, the classes taking turns; each is compared with the first.\n\n", n)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "flow\tclass\tmedian\tdifference\tAUC")
	var errs []error
	for _, f := range flows {
		// Each flow has people of its own, whom no other has asked about.
		people, err := a.populate(ctx, (n+askedOf-1)/askedOf)
		if err != nil {
			return err
		}
		seen, err := a.observe(ctx, people, f, n)
		if err != nil {
			return err
		}
		errs = append(errs, f.compare(seen))
		reference := latenciesOf(seen[f.classes[0]])
		for _, c := range f.classes {
			latencies := latenciesOf(seen[c])
			difference := median(latencies) - median(reference)
			fmt.Fprintf(table, "%s\t%s\t%.2f ms\t%+.2f ms\t%.3f\n", f.name, c, milliseconds(median(latencies)), milliseconds(difference), auc(reference, latencies))
		}
		for c, code := range f.differ {
			if code == "" {
				code = "success"
			}
			fmt.Fprintf(table, "%s\t%s\tanswers otherwise: %s\t\t\n", f.name, c, code)
		}
		_ = table.Flush() // as far as we are
	}
	return errors.Join(errs...)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
