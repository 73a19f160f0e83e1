package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

const (
	// audiences are how many projects change their keys side by side. A key is
	// kept as long as tokens live and published some seconds before it signs, so
	// that one project alone cannot do so every five seconds.
	audiences = 9
	tokenLife = 30 * time.Second
	// usedRate and floodRate are requests in a second, as far as the machine
	// can: with good tokens, and with tokens of unknown keys.
	usedRate, floodRate = 100, 1000
	// pause is the least time between two fetches of one audience's keys by one
	// gateway.
	pause = 5 * time.Second
)

// drill are settings under which keys change as fast as they can.
var drill = []string{
	"SESSIONS_ACCESS_TOKEN_LIFETIME=30s", "SESSIONS_KEY_ROTATION=1s", "SESSIONS_KEY_PUBLISHED_AHEAD=6s", "SESSIONS_KEY_CACHE=1s",
}

// holder is somebody who uses access tokens, refreshed long before they end.
type holder struct {
	project stack.Project
	tokens  client.Tokens

	mu     sync.Mutex
	token  string
	minted time.Time
	// kids are the keys that have signed for them.
	kids map[string]bool
}

// fresh returns a token, and when it was asked for.
func (h *holder) fresh(ctx context.Context, base string) (string, time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.minted) < tokenLife/6 {
		return h.token, h.minted, nil
	}
	now := time.Now()
	answer, err := insist(ctx, client.For(base, h.project, client.Public).With("Refresh-Token", h.tokens.RefreshToken), http.MethodPost, "/auth/sessions/current/refresh", nil)
	token, _ := answer.Object()["access_token"].(string)
	if err != nil || token == "" {
		return "", now, errors.Join(fmt.Errorf("%s", answer), err)
	}
	kid, err := kidOf(token)
	h.token, h.minted, h.kids[kid] = token, now, true
	return token, now, err
}

func kidOf(token string) (string, error) {
	head, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		KeyID string `json:"kid"`
	}
	return header.KeyID, errors.Join(err, json.Unmarshal(text, &header))
}

// ofUnknownKey is a token that differs from a good one in the name of its key.
func ofUnknownKey(token string) string {
	_, rest, _ := strings.Cut(token, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"`+rand.Text()+`"}`)) + "." + rest
}

// rotate lets people use their tokens through both gateways while the keys
// change and somebody sends tokens of unknown keys. It fails when a good token is
// refused, or the flood makes the gateways fetch keys more often than they may.
func (a *arena) rotate(ctx context.Context, length time.Duration) (*outcomes, error) {
	var holders []*holder
	for i := range audiences {
		project, err := client.NewProject(ctx, a.gateways[0], a.system.Projects["internal"], fmt.Sprintf("Keys %d", i), nil)
		if err != nil {
			return nil, err
		}
		tokens, err := client.For(a.gateways[0], project, client.Public).SignUp(ctx, client.FreshEmail("rotation"), password)
		if err != nil {
			return nil, err
		}
		holders = append(holders, &holder{project: project, tokens: tokens, kids: map[string]bool{}})
	}
	seen := &outcomes{}
	before, err := a.keyFetches(ctx)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	use := func(i int) {
		h, base := holders[i%audiences], a.gateways[i%len(a.gateways)]
		token, minted, err := h.fresh(ctx, base)
		if err != nil {
			seen.add("refresh: " + err.Error())
			return
		}
		answer, err := client.For(base, h.project, client.Public).SignedIn(client.Tokens{AccessToken: token}).Do(ctx, http.MethodGet, "/users/me", nil)
		if time.Since(minted) > tokenLife-5*time.Second {
			seen.add("use: too slow to tell")
			return
		}
		seen.add(say("use", answer, err))
	}
	flood := func(i int) {
		h, base := holders[i%audiences], a.gateways[i/audiences%len(a.gateways)]
		answer, err := client.For(base, h.project, client.Public).SignedIn(client.Tokens{AccessToken: ofUnknownKey(h.tokens.AccessToken)}).Do(ctx, http.MethodGet, "/users/me", nil)
		seen.add(say("flood", answer, err))
	}
	var both sync.WaitGroup
	both.Go(func() { atRate(usedRate, 16, begin.Add(length), use) })
	both.Go(func() { atRate(floodRate, 32, begin.Add(length), flood) })
	both.Wait()
	took := time.Since(begin)
	after, err := a.keyFetches(ctx)
	if err != nil {
		return seen, err
	}
	changes := 0
	for _, h := range holders {
		changes += len(h.kids) - 1
	}
	fmt.Printf("keys of %d projects changed %d times in %v and were fetched %d times by %d gateways\n",
		audiences, changes, took.Round(time.Second), after-before, len(a.gateways))
	if others := seen.others("use: 200", "use: too slow to tell", "use: asked to come back", "flood: 401 UNPARSABLE_ACCESS_TOKEN", "flood: asked to come back"); others != nil {
		return seen, errors.New(strings.Join(others, ", "))
	}
	if changes < audiences && length >= time.Minute {
		return seen, fmt.Errorf("only %d keys changed", changes)
	}
	if most := len(a.gateways) * audiences * (int(took/pause) + 1); after-before > most {
		return seen, fmt.Errorf("%d fetches, at most %d are allowed", after-before, most)
	}
	return seen, nil
}

// atRate calls fn so many times in a second, by several at once, until the end;
// what the machine cannot do in time is left out.
func atRate(perSecond, workers int, end time.Time, fn func(i int)) {
	ticker := time.NewTicker(time.Second / time.Duration(perSecond))
	defer ticker.Stop()
	var next atomic.Int64
	together(workers, func(int) {
		for now := range ticker.C {
			if now.After(end) {
				return
			}
			fn(int(next.Add(1)))
		}
	})
}

// keyFetches is how often gateways have fetched verification keys, as sessions
// counts it.
func (a *arena) keyFetches(ctx context.Context) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.system.Ops["sessions"]+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	total := 0
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "rpc_server_call_duration_seconds_count{") && strings.Contains(line, "GetVerificationKeys") {
			n, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
			if err != nil {
				return 0, err
			}
			total += int(n)
		}
	}
	return total, lines.Err()
}

func reportRotation(ctx context.Context, a *arena, n int) error {
	if n == 0 {
		n = 120
	}
	seen, err := a.rotate(ctx, time.Duration(n)*time.Second)
	if seen != nil {
		fmt.Printf("%d seconds of requests with good tokens and with tokens of unknown keys:\n%s\n", n, seen)
	}
	return err
}
