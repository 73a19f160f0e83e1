package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vestibule.dev/pkg/loopback"
	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

// replica is one of the processes of a kind, beside those of the dev stack and
// on the same databases.
type replica struct {
	process string
	program string
	environ []string
	// addr serves gRPC or HTTP, ops the page of operators.
	addr, ops string

	cmd    *exec.Cmd
	output *bytes.Buffer
	// exited is closed when the process has ended, with err saying how.
	exited chan struct{}
	err    error
}

// fleet is one or more of each process, who know each other.
type fleet struct {
	replicas []*replica
	gateways balancer
	ports    []*loopback.Port
}

// newFleet prepares so many of each process, as their siblings in the dev stack
// are configured, except that they know each other by certificates, whose files
// are in dir; with an empty dir they know each other by keys as those do. None
// runs yet.
func newFleet(system *stack.Stack, dir string, each int) (*fleet, error) {
	var ca *authority
	if dir != "" {
		var err error
		if ca, err = newAuthority(dir); err != nil {
			return nil, err
		}
	}
	f := &fleet{}
	addresses := map[string][]string{}
	for _, process := range stack.Processes {
		for range each {
			r := &replica{process: process}
			for _, addr := range []*string{&r.addr, &r.ops} {
				var err error
				if *addr, err = f.reserve(); err != nil {
					return nil, err
				}
			}
			addresses[process] = append(addresses[process], r.addr)
			f.replicas = append(f.replicas, r)
		}
	}
	for _, r := range f.replicas {
		if err := r.configure(system.PIDs[r.process], addresses, ca); err != nil {
			return nil, err
		}
		if r.process == "gateway" {
			f.gateways.all = append(f.gateways.all, r.addr)
		}
	}
	return f, nil
}

// configure takes over the program and the environment of a running process,
// with other addresses.
func (r *replica) configure(sibling int, addresses map[string][]string, ca *authority) error {
	var err error
	if r.program, err = os.Readlink(fmt.Sprintf("/proc/%d/exe", sibling)); err != nil {
		return err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", sibling))
	if err != nil {
		return err
	}
	prefix := strings.ToUpper(r.process) + "_"
	own := map[string]string{}
	if ca != nil {
		if own, err = ca.issue(r.process, prefix); err != nil {
			return err
		}
	}
	own[prefix+"OPS_ADDR"] = r.ops
	if r.process == "gateway" {
		own[prefix+"HTTP_ADDR"] = r.addr
		// Requests that were on their way when it was taken out still arrive.
		own[prefix+"SHUTDOWN_GRACE"] = "2s"
	} else {
		own[prefix+"GRPC_ADDR"] = r.addr
	}
	for upstream, all := range addresses {
		if upstream != "gateway" {
			own[prefix+strings.ToUpper(upstream)+"_ADDR"] = strings.Join(all, ",")
		}
	}
	for variable := range strings.SplitSeq(strings.TrimRight(string(text), "\x00"), "\x00") {
		name, _, _ := strings.Cut(variable, "=")
		if _, replaced := own[name]; !replaced {
			r.environ = append(r.environ, variable)
		}
	}
	for name, value := range own {
		r.environ = append(r.environ, name+"="+value)
	}
	return nil
}

// start starts the process; it need not be ready.
func (r *replica) start() error {
	r.output = &bytes.Buffer{}
	r.cmd = exec.Command(r.program, "serve")
	r.cmd.Env, r.cmd.Stdout, r.cmd.Stderr = r.environ, r.output, r.output
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		return err
	}
	cmd, exited := r.cmd, make(chan struct{})
	r.exited = exited
	go func() {
		r.err = cmd.Wait()
		close(exited)
	}()
	return nil
}

// startReady starts the process and waits until it is ready.
func (r *replica) startReady(ctx context.Context) error {
	if err := r.start(); err != nil {
		return err
	}
	return r.ready(ctx)
}

// ready waits until the process says that it can work.
func (r *replica) ready(ctx context.Context) error {
	return r.await(ctx, http.StatusOK)
}

// await waits until the page of operators says with a status whether the process
// can work.
func (r *replica) await(ctx context.Context, status int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	go func() {
		select {
		case <-r.exited: // nobody will answer any more
			cancel()
		case <-ctx.Done():
		}
	}()
	err := client.Poll(ctx, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.ops+"/readyz", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("%s: %w", r.process, err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != status {
			return fmt.Errorf("%s: %s, want %d", r.process, answer.Status, status)
		}
		return nil
	})
	select {
	case <-r.exited:
		return fmt.Errorf("%s ended (%w): %s", r.process, r.err, lastLines(r.output.String()))
	default:
		return err
	}
}

// stop asks the process to end and waits until it has drained.
func (r *replica) stop(ctx context.Context) error {
	if r.cmd == nil {
		return nil
	}
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-r.exited:
		r.cmd = nil
		if r.err != nil {
			return fmt.Errorf("%s ended with %w: %s", r.process, r.err, lastLines(r.output.String()))
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s does not end", r.process)
	}
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}

// start starts all processes, whoever asks before whoever answers.
func (f *fleet) start(ctx context.Context) error {
	for _, r := range slices.Backward(f.replicas) {
		if err := r.startReady(ctx); err != nil {
			return fmt.Errorf("started without those it asks: %w", err)
		}
	}
	return nil
}

// reserve holds an address until the fleet ends.
func (f *fleet) reserve() (string, error) {
	port, err := loopback.Reserve("127.0.0.1:0")
	if err != nil {
		return "", err
	}
	f.ports = append(f.ports, port)
	return port.Addr(), nil
}

// end ends all processes with the test.
func (f *fleet) end(t *testing.T) {
	defer func() {
		for _, port := range f.ports {
			port.Release()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := f.stop(ctx); err != nil {
		t.Error(err)
	}
}

// traffic sends requests for people who have just signed up, until stop is
// called, which returns when the last has an answer.
func (f *fleet) traffic(ctx context.Context, pause time.Duration) (load *traffic, stop func(), err error) {
	load = &traffic{gateways: &f.gateways, changed: make(chan struct{})}
	for range crowdOfRolling {
		addr, sent := f.gateways.pick()
		sent()
		// Processes that have only just found each other may ask for patience.
		answer, err := insist(ctx, client.For("http://"+addr, project, client.Public), http.MethodPost, "/auth/password/sign-up",
			map[string]any{"email": client.FreshEmail("rolling"), "password": password})
		if err == nil && answer.Status != http.StatusOK {
			err = fmt.Errorf("sign-up: %s", answer)
		}
		var tokens client.Tokens
		if err := errors.Join(err, answer.Decode(&tokens)); err != nil {
			return nil, nil, err
		}
		load.people = append(load.people, tokens)
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		load.run(running, pause)
	}()
	return load, func() {
		cancel()
		<-done
	}, nil
}

// stop ends all processes that run.
func (f *fleet) stop(ctx context.Context) error {
	var errs []error
	for _, r := range f.replicas {
		errs = append(errs, r.stop(ctx))
	}
	return errors.Join(errs...)
}

// balancer spreads requests over the gateways, as the endpoints of a service do.
type balancer struct {
	mu   sync.Mutex
	all  []string
	out  []string
	next int
	// sending are those who have picked a gateway and have not reached it.
	sending map[string]*sync.WaitGroup
}

// pick returns a gateway that is in. What it is for calls sent, once or more,
// when the request is with the gateway.
func (b *balancer) pick() (addr string, sent func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		b.next++
		if addr = b.all[b.next%len(b.all)]; !slices.Contains(b.out, addr) {
			break
		}
	}
	if b.sending == nil {
		b.sending = map[string]*sync.WaitGroup{}
	}
	if b.sending[addr] == nil {
		b.sending[addr] = &sync.WaitGroup{}
	}
	b.sending[addr].Add(1)
	return addr, sync.OnceFunc(b.sending[addr].Done)
}

// take takes a gateway out. Who has picked it is through to it when take
// returns, and what is under way goes on.
func (b *balancer) take(addr string) {
	b.mu.Lock()
	b.out = append(b.out, addr)
	sending := b.sending[addr]
	b.mu.Unlock()
	if sending != nil {
		sending.Wait()
	}
}

// put puts a gateway in again.
func (b *balancer) put(addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out = slices.DeleteFunc(b.out, func(other string) bool { return other == addr })
}

// traffic is requests of all kinds at a steady pace, each of which must succeed.
type traffic struct {
	gateways *balancer
	people   []client.Tokens

	mu      sync.Mutex
	took    []time.Duration
	changed chan struct{}
	faults  []string
}

// count is how many requests have an answer.
func (t *traffic) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.took)
}

// String tells how it went.
func (t *traffic) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	took := slices.Sorted(slices.Values(t.took))
	if len(took) == 0 {
		return "no requests"
	}
	of := func(share float64) time.Duration {
		return took[int(share*float64(len(took)-1))].Round(time.Millisecond)
	}
	return fmt.Sprintf("%d requests, %d failed; half of them took %v, 99 of 100 %v, the slowest %v",
		len(took), len(t.faults), of(0.5), of(0.99), of(1))
}

// kinds are the requests that traffic takes turns in; n makes each different.
var trafficKinds = []func(ctx context.Context, c *client.Client, tokens client.Tokens, n int) (client.Response, error){
	func(ctx context.Context, c *client.Client, tokens client.Tokens, _ int) (client.Response, error) {
		return c.SignedIn(tokens).Do(ctx, http.MethodGet, "/users/me", nil)
	},
	func(ctx context.Context, c *client.Client, tokens client.Tokens, _ int) (client.Response, error) {
		return c.With("Refresh-Token", tokens.RefreshToken).Do(ctx, http.MethodPost, "/auth/sessions/current/refresh", nil)
	},
	func(ctx context.Context, c *client.Client, tokens client.Tokens, n int) (client.Response, error) {
		return c.SignedIn(tokens).Do(ctx, http.MethodPatch, "/users/me", map[string]any{"display_name": fmt.Sprint("Ada ", n)})
	},
	func(ctx context.Context, c *client.Client, tokens client.Tokens, _ int) (client.Response, error) {
		return c.SignedIn(tokens).Do(ctx, http.MethodGet, "/auth/sessions?user_id=me", nil)
	},
	func(ctx context.Context, c *client.Client, _ client.Tokens, _ int) (client.Response, error) {
		return c.Do(ctx, http.MethodPost, "/auth/anonymous/sign-up", nil)
	},
}

// await returns once n more requests have an answer.
func (t *traffic) await(ctx context.Context, n int) error {
	t.mu.Lock()
	want := len(t.took) + n
	t.mu.Unlock()
	for {
		t.mu.Lock()
		sent, changed := len(t.took), t.changed
		t.mu.Unlock()
		if sent >= want {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("only %d of %d requests have an answer", sent, want)
		}
	}
}

// run sends requests every pause until ctx ends and returns when the last has
// an answer.
func (t *traffic) run(ctx context.Context, pause time.Duration) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	room := make(chan struct{}, rollingRoom)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		select {
		case <-ctx.Done():
			return
		case room <- struct{}{}:
		}
		waiting.Go(func() {
			defer func() { <-room }()
			t.send(context.WithoutCancel(ctx), n)
		})
	}
}

func (t *traffic) send(ctx context.Context, n int) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	addr, sent := t.gateways.pick()
	defer sent()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent() }})
	begin := time.Now()
	c := client.For("http://"+addr, project, client.Public)
	answer, err := trafficKinds[n%len(trafficKinds)](ctx, c, t.people[n%len(t.people)], n)
	elapsed := time.Since(begin)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.took = append(t.took, elapsed)
	close(t.changed)
	t.changed = make(chan struct{})
	if err != nil || answer.Status/100 != 2 {
		t.faults = append(t.faults, fmt.Sprintf("kind %d after %v: %s, %v", n%len(trafficKinds), elapsed.Round(time.Millisecond), answer, err))
	}
}
