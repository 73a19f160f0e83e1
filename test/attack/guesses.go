package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"

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
			// Whoever is told to come back shortly does.
			for range 100 {
				answer, err := from(c, address).Do(ctx, http.MethodPost, "/auth/password/sign-in", map[string]any{"email": email, "password": fmt.Sprintf("guess %d", guess)})
				seen.add(say("password", answer, err))
				if err == nil && answer.Status != http.StatusServiceUnavailable {
					break
				}
				if err := a.available(ctx, visitor); err != nil {
					seen.add("password: " + err.Error())
					return
				}
			}
		}
	})
	return errors.Join(<-killed, <-killed)
}

// kill ends a process; the dev stack starts another.
func (a *arena) kill(ctx context.Context, process string) error {
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

// available waits until the system answers.
func (a *arena) available(ctx context.Context, visitor *client.Client) error {
	return client.Poll(ctx, func(ctx context.Context) error {
		return visitor.Expect(ctx, http.MethodGet, "/projects/current", nil, nil)
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
	answer, err := from(visitor, "203.0.113.9").Do(ctx, http.MethodPost, "/auth/password/sign-in", map[string]any{"email": email, "password": password})
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
	together(n, func(i int) {
		c := from(client.For(a.gateways[i%2], project, client.Public), fmt.Sprintf("10.2.%d.%d", i/250, i%250))
		answer, err := seen.insist(ctx, "code", c, http.MethodPost, "/auth/otp/sign-in", map[string]any{"code": fmt.Sprintf("oo%04d", i) + code[6:]})
		seen.add(say("code", answer, err))
	})
	if others := seen.others("code: 404 VERIFICATION_CODE_NOT_FOUND", "code: busy"); others != nil {
		return client.Response{}, errors.New(strings.Join(others, ", "))
	}
	return seen.insist(ctx, "code", client.For(a.gateways[0], project, client.Public), http.MethodPost, "/auth/otp/sign-in", map[string]any{"code": code})
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
	return nil
}
