package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

const (
	// looked is how many wrong passwords of one user may be looked at, and
	// tries how many times a code may be tried.
	looked, tries = 100, 20
	// guessers are how many guess at once.
	guessers = 32
	// places are how many addresses a crowd of guessers comes from.
	places = 500
)

// from is a caller at an address. The dev stack believes what callers on
// loopback say about it.
func from(c *client.Client, address string) *client.Client {
	return c.WithHeader("CF-Connecting-IP", address)
}

// guessPasswords lets n guesses be made about a user, the first half from one
// place and the second from many, and kills identity in the middle of both.
func (a *arena) guessPasswords(ctx context.Context, n int, project stack.Project, email string, seen *outcomes) error {
	visitor := client.For(a.gateways[0], project, client.Public)
	other := client.For(a.gateways[1], project, client.Public)
	var next atomic.Int64
	killed := make(chan error, 2)
	together(guessers, func(i int) {
		c := visitor
		if i%2 == 1 {
			c = other
		}
		for {
			guess := int(next.Add(1)) - 1
			if guess >= n {
				return
			}
			if guess == n/4 || guess == n*3/4 {
				killed <- a.kill(ctx, "identity")
			}
			address := "192.0.2.1"
			if guess >= n/2 {
				address = fmt.Sprintf("10.1.%d.%d", guess%places/250, guess%250)
			}
			persist(ctx, seen, "password", func(ctx context.Context) (client.Response, error) {
				return from(c, address).Do(ctx, http.MethodPost, "/auth/password/sign-in", map[string]any{"email": email, "password": fmt.Sprintf("guess %d", guess)})
			})
		}
	})
	return errors.Join(<-killed, <-killed)
}

// persist asks until there is an answer: whoever is told to come back shortly
// does.
func persist(ctx context.Context, seen *outcomes, way string, ask func(ctx context.Context) (client.Response, error)) {
	var answer client.Response
	err := client.Poll(ctx, func(ctx context.Context) (err error) {
		if answer, err = ask(ctx); err == nil && busy(answer) {
			err = fmt.Errorf("%s: %s", way, answer)
		}
		return err
	})
	seen.add(say(way, answer, err))
}

// kill ends a process; the dev stack starts another.
func (a *arena) kill(ctx context.Context, process string) error {
	a.killing.Lock()
	defer a.killing.Unlock()
	before, err := stack.Read(a.system.DataDir())
	if err != nil {
		return err
	}
	if err := syscall.Kill(before.PIDs[process], syscall.SIGKILL); err != nil {
		return err
	}
	return client.Poll(ctx, func(context.Context) error {
		now, err := stack.Read(a.system.DataDir())
		if err == nil && now.PIDs[process] == before.PIDs[process] {
			err = fmt.Errorf("%s is not back", process)
		}
		return err
	})
}

// guessRound attacks one user's password and says what was looked at. The owner
// must still get in from where they did before, and nobody from elsewhere.
func (a *arena) guessRound(ctx context.Context, n int) (*outcomes, error) {
	project := a.system.Projects["dev"]
	visitor := client.For(a.gateways[0], project, client.Public)
	email := client.FreshEmail("guessed")
	if _, err := visitor.SignUp(ctx, email, password); err != nil {
		return nil, err
	}
	if _, err := from(visitor, "198.51.100.1").SignIn(ctx, email, password); err != nil {
		return nil, err
	}
	seen := &outcomes{}
	if err := a.guessPasswords(ctx, n, project, email, seen); err != nil {
		return seen, err
	}
	if count := seen.seen["password: 400 EMAIL_PASSWORD_MISMATCH"]; count > looked || count < looked/2 && n >= 2*looked {
		return seen, fmt.Errorf("%d wrong passwords were looked at", count)
	}
	if seen.seen["password: 200"] > 0 {
		return seen, errors.New("a guess was right")
	}
	answer, err := insist(ctx, from(visitor, "203.0.113.9"), http.MethodPost, "/auth/password/sign-in", map[string]any{"email": email, "password": password})
	if err != nil || answer.Status != http.StatusTooManyRequests && n >= 2*looked {
		return seen, errors.Join(fmt.Errorf("from elsewhere: %s", answer), err)
	}
	if _, err := from(visitor, "198.51.100.1").SignIn(ctx, email, password); err != nil {
		return seen, fmt.Errorf("the owner, from where they were before: %w", err)
	}
	return seen, nil
}

// guessCode tries n wrong codes with the right nonce, and then the right one.
func (a *arena) guessCode(ctx context.Context, n int) (client.Response, error) {
	project := a.system.Projects["dev"]
	if err := client.For(a.gateways[0], project, client.Admin).Configure(ctx, "environment", map[string]any{"auth.otp.allowSignIn": true}); err != nil {
		return client.Response{}, err
	}
	code, err := a.mailedCode(ctx, project, client.FreshEmail("coded"), 1)
	if err != nil {
		return client.Response{}, err
	}
	seen := &outcomes{}
	guess := func(i int) {
		c := from(client.For(a.gateways[i%2], project, client.Public), fmt.Sprintf("10.2.%d.%d", i/250, i%250))
		answer, err := insist(ctx, c, http.MethodPost, "/auth/otp/sign-in", map[string]any{"code": fmt.Sprintf("oo%04d", i) + code[6:]})
		seen.add(say("code", answer, err))
	}
	if n < tries {
		// One after the other: what a crowd is asked to repeat may count twice.
		for i := range n {
			guess(i)
		}
	} else {
		together(n, guess)
	}
	if others := seen.others("code: 404 VERIFICATION_CODE_NOT_FOUND"); others != nil {
		return client.Response{}, errors.New(strings.Join(others, ", "))
	}
	return insist(ctx, client.For(a.gateways[0], project, client.Public), http.MethodPost, "/auth/otp/sign-in", map[string]any{"code": code})
}

// guessCodes checks where a code ends: after one try less than allowed it still
// works, after as many it does not.
func (a *arena) guessCodes(ctx context.Context) error {
	for n, want := range map[int]string{tries - 1: "", tries: "VERIFICATION_CODE_MAX_ATTEMPTS_REACHED", 10 * tries: "VERIFICATION_CODE_MAX_ATTEMPTS_REACHED"} {
		answer, err := a.guessCode(ctx, n)
		if err != nil || answer.Code() != want {
			return errors.Join(fmt.Errorf("after %d guesses of a code: %s", n, answer), err)
		}
	}
	return nil
}

// guessAuthenticator lets somebody who has a user's password make n guesses of
// what the authenticator app shows, from many places and with a new attempt as
// often as they like. The owner must still get in from where they did before.
func (a *arena) guessAuthenticator(ctx context.Context, n int) (*outcomes, error) {
	project := a.system.Projects["dev"]
	visitor := client.For(a.gateways[0], project, client.Public)
	email, secret := client.FreshEmail("guarded"), []byte(rand.Text()[:20])
	tokens, err := visitor.SignUp(ctx, email, password)
	if err != nil {
		return nil, err
	}
	if err := visitor.SignedIn(tokens).Expect(ctx, http.MethodPatch, "/users/me",
		map[string]any{"totp_secret_base64": base64.StdEncoding.EncodeToString(secret)}, nil); err != nil {
		return nil, err
	}
	attempt := func(c *client.Client) (code string, err error) {
		answer, err := insist(ctx, c, http.MethodPost, "/auth/password/sign-in", map[string]any{"email": email, "password": password})
		details, _ := answer.Object()["details"].(map[string]any)
		code, _ = details["attempt_code"].(string)
		if code == "" {
			err = errors.Join(fmt.Errorf("sign in: %s", answer), err)
		}
		return code, err
	}
	// The owner uses what is shown, and later what is shown next: a step serves
	// once.
	owner := func(later time.Duration) error {
		home := from(visitor, "198.51.100.1")
		code, err := attempt(home)
		if err != nil {
			return err
		}
		shown := client.TOTP(secret, time.Now().Add(later))
		return home.Expect(ctx, http.MethodPost, "/auth/mfa/sign-in", map[string]any{"type": "totp", "totp": shown, "code": code}, nil)
	}
	if err := owner(0); err != nil {
		return nil, fmt.Errorf("the owner: %w", err)
	}
	seen := &outcomes{}
	var next atomic.Int64
	together(guessers, func(i int) {
		for {
			guess := int(next.Add(tries)) - tries
			if guess >= n {
				return
			}
			c := from(client.For(a.gateways[i%2], project, client.Public), fmt.Sprintf("10.3.%d.%d", guess%places/250, guess%250))
			code, err := attempt(c)
			if err != nil {
				seen.add(err.Error())
				return
			}
			for range tries {
				// No digits, so that none is right by chance.
				answer, err := insist(ctx, c, http.MethodPost, "/auth/mfa/sign-in", map[string]any{"type": "totp", "totp": "xxxxxx", "code": code})
				seen.add(say("authenticator", answer, err))
			}
		}
	})
	// A guess that the system has no time for may count as one try of a code.
	const wrong, late, spent = "authenticator: 400 INVALID_TOTP_CODE", "authenticator: 429", "authenticator: 400 VERIFICATION_CODE_MAX_ATTEMPTS_REACHED"
	if others := seen.others(wrong, late, spent); others != nil {
		return seen, errors.New(strings.Join(others, ", "))
	}
	if count := seen.seen[wrong]; count > looked || count < looked/2 && n >= 2*looked {
		return seen, fmt.Errorf("%d wrong codes of an authenticator were looked at", count)
	}
	if err := owner(30 * time.Second); err != nil {
		return seen, fmt.Errorf("the owner, from where they were before: %w", err)
	}
	return seen, nil
}

// guessKeys lets somebody who knows everything about an API key but its secret
// make n guesses of it, as a backend that checks keys, as a scanner that found
// one, and of the backend's own key; sessions and identity are killed meanwhile.
// Nothing limits them: a guess is one of 2^225, and a limit would keep backends
// from checking the keys they are shown. What is right is right all the time.
func (a *arena) guessKeys(ctx context.Context, n int) (*outcomes, error) {
	project, err := client.NewProject(ctx, a.gateways[0], a.system.Projects["internal"], "Keys", map[string]any{"allow_user_api_keys": true})
	if err != nil {
		return nil, err
	}
	visitor := client.For(a.gateways[0], project, client.Public)
	tokens, err := visitor.SignUp(ctx, client.FreshEmail("key"), password)
	if err != nil {
		return nil, err
	}
	var key struct{ Value string }
	if err := visitor.SignedIn(tokens).Expect(ctx, http.MethodPost, "/user-api-keys",
		map[string]any{"user_id": "me", "description": "guessed", "expires_at_millis": nil}, &key); err != nil {
		return nil, err
	}
	const (
		checked, revoked, entered = "check: 404 API_KEY_NOT_FOUND", "revoke: 404 API_KEY_NOT_FOUND", "backend: 401 INVALID_SECRET_SERVER_KEY"
		right                     = "the right one: 200"
	)
	seen := &outcomes{}
	var next atomic.Int64
	killed := make(chan error, 2)
	together(guessers, func(i int) {
		backend := client.For(a.gateways[i%2], project, client.Server)
		anybody := client.New(a.gateways[i%2])
		for {
			guess := int(next.Add(1)) - 1
			if guess >= n {
				return
			}
			switch guess {
			case n / 3:
				killed <- a.kill(ctx, "sessions")
			case n * 2 / 3:
				killed <- a.kill(ctx, "identity")
			}
			ask := func(way string, c *client.Client, path, text string) {
				persist(ctx, seen, way, func(ctx context.Context) (client.Response, error) {
					return c.Do(ctx, http.MethodPost, path, map[string]any{"api_key": text})
				})
			}
			switch guess % 4 {
			case 0:
				ask("check", backend, "/user-api-keys/check", anotherSecret(key.Value, guess))
			case 1:
				ask("revoke", anybody, "/integrations/credential-scanning/revoke", anotherSecret(key.Value, guess))
			case 2:
				ask("backend", backend.With("Secret-Server-Key", ids.NewProjectKey(ids.SecretServerKey)), "/user-api-keys/check", key.Value)
			default:
				ask("the right one", backend, "/user-api-keys/check", key.Value)
			}
		}
	})
	if err := errors.Join(<-killed, <-killed); err != nil {
		return seen, err
	}
	if others := seen.others(checked, revoked, entered, right); others != nil {
		return seen, errors.New(strings.Join(others, ", "))
	}
	if count := seen.seen[right]; count != n/4 {
		return seen, fmt.Errorf("the right key was right %d times of %d", count, n/4)
	}
	return seen, nil
}

// anotherSecret is an API key's text with another secret and its checksum: one
// of which a single character is another, or one that has nothing of it.
func anotherSecret(text string, guess int) string {
	const start, sum = len("sk_"), 8
	letters := []byte(text)
	if guess%8 < 4 {
		at := start + guess%ids.SecretLength
		letters[at] = ids.Alphabet[(strings.IndexByte(ids.Alphabet, letters[at])+1)%len(ids.Alphabet)]
	} else {
		copy(letters[start:], ids.Secret())
	}
	body := string(letters[:len(letters)-sum])
	return body + fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body)))
}

func reportGuesses(ctx context.Context, a *arena, n int) error {
	if n == 0 {
		n = 10_000
	}
	seen, err := a.guessRound(ctx, n)
	if seen != nil {
		fmt.Printf("%d guesses of one password, half of them from %d places, identity killed twice:\n%s\n", n, places, seen)
	}
	if err != nil {
		return err
	}
	if err := a.guessCodes(ctx); err != nil {
		return err
	}
	fmt.Printf("a code of six characters works after %d wrong guesses and not after %d or %d\n", tries-1, tries, 10*tries)
	seen, err = a.guessAuthenticator(ctx, n/5)
	if seen != nil {
		fmt.Printf("%d guesses of what an authenticator shows, from %d places:\n%s\n", n/5, places, seen)
	}
	if err != nil {
		return err
	}
	seen, err = a.guessKeys(ctx, n)
	if seen != nil {
		fmt.Printf("%d guesses of an API key and of a backend's key, a quarter of them right, sessions and identity killed:\n%s\n", n, seen)
	}
	return err
}
