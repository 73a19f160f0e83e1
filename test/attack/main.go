// Command attack plays those who mean no good against a system of its own, and
// prints what they got. It is bounded in count and time and stays on loopback.
//
//	go run ./test/attack sign-ups     one address, many at once, every way, two gateways
//	go run ./test/attack refreshes    one refresh token, many at once, two gateways
//	go run ./test/attack guesses      passwords, codes, authenticator codes and keys, services killed meanwhile
//	go run ./test/attack rotation     signing keys that change all the time, and tokens of keys that nobody has
//	go run ./test/attack enumeration  who has an account, told by answers and their time
//
// Counts are exact, and a count that breaks a promise makes the command fail.
// Times are only reported: run enumeration on a machine that does nothing else.
//
// Linux only: it reads /proc.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"vestibule.dev/pkg/oidctest"
	"vestibule.dev/test/stack"
)

// arena is a system that is attacked.
type arena struct {
	system *stack.Stack
	// gateways are two origins of one system.
	gateways []string
	idp      *oidctest.Provider

	// killing is held by who kills a process until there is another.
	killing sync.Mutex
	// teamID is a team that people are invited to.
	teamID string
}

// attacks by name.
var attacks = map[string]func(ctx context.Context, a *arena, n int) error{
	"sign-ups":    reportSignUps,
	"refreshes":   reportRefreshes,
	"guesses":     reportGuesses,
	"rotation":    reportRotation,
	"enumeration": reportEnumeration,
}

// settings that an attack needs beyond those of all.
var settings = map[string][]string{"rotation": drill}

func main() {
	n := flag.Int("n", 0, "rounds or samples; 0 for what the promise is about")
	flag.Parse()
	attack := attacks[flag.Arg(0)]
	if attack == nil {
		fmt.Fprintln(os.Stderr, "attack: say what to do: sign-ups, refreshes, guesses, rotation or enumeration")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, func(a *arena) error { return attack(ctx, a, *n) }, settings[flag.Arg(0)]...); err != nil {
		fmt.Fprintln(os.Stderr, "attack:", err)
		os.Exit(1)
	}
}

// run starts a system and a second gateway, and stops both.
func run(ctx context.Context, attack func(a *arena) error, settings ...string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	idp, err := oidctest.Start()
	if err != nil {
		return err
	}
	defer idp.Close()
	system, err := stack.Start(ctx, append(settings,
		// Nobody here is to be told from others by having sent more mails.
		"IDENTITY_MAILS_PER_HOUR_OF_PROJECT=1000000",
		"IDENTITY_OAUTH_GOOGLE_ISSUER="+idp.URL,
		"IDENTITY_OAUTH_GOOGLE_CLIENT_ID="+oidctest.ClientID, "IDENTITY_OAUTH_GOOGLE_CLIENT_SECRET="+oidctest.ClientSecret)...)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := system.Stop(); err == nil {
			err = stopErr
		}
	}()
	second, stop, err := system.AddGateway(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := stop(); err == nil {
			err = stopErr
		}
	}()
	idp.Register(system.BaseURL + "/api/v1/auth/oauth/callback/google")
	return attack(&arena{system: system, gateways: []string{system.BaseURL, second}, idp: idp})
}

// together calls fn n times at once and returns when all are through.
func together(n int, fn func(i int)) {
	begin, done := make(chan struct{}), make(chan struct{})
	for i := range n {
		go func() {
			<-begin
			fn(i)
			done <- struct{}{}
		}()
	}
	close(begin)
	for range n {
		<-done
	}
}
