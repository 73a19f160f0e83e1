// Package facts promises that what the edge sees reaches whoever listens, and
// that telling it never delays, fails or burdens a request: facts that cannot be
// told at once are dropped and counted.
package facts

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/cache"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	eventsv1 "vestibule.dev/proto/events/v1"
)

const (
	// queued is how many facts wait to be published.
	queued = 1024
	// keyInterval is how often the use of one key is told.
	keyInterval = time.Minute
	// keysRemembered bounds memory.
	keysRemembered = 10_000
	// reportInterval is how often dropped facts are logged.
	reportInterval = time.Minute
	// longestAgent bounds what a caller can make others store.
	longestAgent = 256
	// unknown stands for the project of a request that names none.
	unknown = "unknown"
)

// Publish tells whoever listens now; it returns at once.
type Publish func(subject string, payload []byte)

// Publisher collects facts and publishes them in the background. A nil
// Publisher does nothing.
type Publisher struct {
	clock   clock.Clock
	log     *slog.Logger
	queue   chan *eventsv1.Envelope
	keys    *cache.Cache[usedKey, struct{}]
	dropped atomic.Int64
}

type usedKey struct {
	set    string
	access principal.Access
}

// New returns a publisher that publishes nothing until it runs.
func New(c clock.Clock, log *slog.Logger) *Publisher {
	return &Publisher{
		clock: c, log: log, queue: make(chan *eventsv1.Envelope, queued),
		keys: cache.New(cache.Options[usedKey, struct{}]{
			MaxEntries: keysRemembered,
			Life:       func(struct{}) time.Duration { return keyInterval },
		}),
	}
}

// Run publishes until ctx ends.
func (p *Publisher) Run(ctx context.Context, publish Publish) error {
	ticker := time.NewTicker(reportInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if n := p.dropped.Swap(0); n > 0 {
				p.log.WarnContext(ctx, "facts of the edge were dropped", "facts", n)
			}
		case envelope := <-p.queue:
			payload, err := proto.Marshal(envelope)
			if err != nil {
				p.dropped.Add(1)
				continue
			}
			publish(envelope.GetSubject(), payload)
		}
	}
}

// Request is what facts tell of a request.
type Request struct {
	Method string
	// Route is the pattern of the route; empty before there is one.
	Route string
	// Caller is who sent it, as far as that was proved.
	Caller principal.Principal
}

// AccessRefused tells of a request that was refused because of who sent it. It
// ignores errors that say something else.
func (p *Publisher) AccessRefused(ctx context.Context, r Request, err error) {
	var known *apierr.Error
	if p == nil || !errors.As(err, &known) || known.Code == "" || known.HTTP != 401 && known.HTTP != 403 {
		return
	}
	// Tokens run out all the time.
	if known.Code == apierr.CodeAccessTokenExpired {
		return
	}
	facts := principal.RequestFromContext(ctx)
	envelope := p.envelope(ctx, r, "access", "refused")
	envelope.Payload = &eventsv1.Envelope_AccessRefused{AccessRefused: &eventsv1.AccessRefused{
		Code: known.Code, Method: r.Method, Route: r.Route, ClientIp: facts.ClientIP, UserAgent: cut(facts.UserAgent),
	}}
	p.put(envelope)
}

// Limit is a limit of the edge.
type Limit string

// The limits of the edge.
const (
	LimitAddress   Limit = "address"
	LimitExpensive Limit = "expensive"
	LimitProject   Limit = "project"
	LimitInFlight  Limit = "in_flight"
)

// LimitExceeded tells of a request that was one too many.
func (p *Publisher) LimitExceeded(ctx context.Context, r Request, limit Limit) {
	if p == nil {
		return
	}
	envelope := p.envelope(ctx, r, "limit", "exceeded")
	envelope.Payload = &eventsv1.Envelope_LimitExceeded{LimitExceeded: &eventsv1.LimitExceeded{
		Limit: string(limit), Method: r.Method, Route: r.Route, ClientIp: principal.RequestFromContext(ctx).ClientIP,
	}}
	p.put(envelope)
}

// KeyUsed tells that a key of the set was used, once in a while.
func (p *Publisher) KeyUsed(ctx context.Context, r Request, keySetID string) {
	if p == nil || keySetID == "" {
		return
	}
	if !p.keys.Add(usedKey{keySetID, r.Caller.Access}, struct{}{}) {
		return
	}
	envelope := p.envelope(ctx, r, "key", "used")
	envelope.Aggregate = "api_key_set/" + keySetID
	envelope.Payload = &eventsv1.Envelope_KeyUsed{KeyUsed: &eventsv1.KeyUsed{
		ApiKeySetId: keySetID, AccessType: string(r.Caller.Access), ClientIp: principal.RequestFromContext(ctx).ClientIP,
	}}
	p.put(envelope)
}

func (p *Publisher) envelope(ctx context.Context, r Request, aggregate, fact string) *eventsv1.Envelope {
	project := r.Caller.ProjectID
	if project == "" {
		project = unknown
	}
	facts := principal.RequestFromContext(ctx)
	envelope := &eventsv1.Envelope{
		Id:         ids.NewUUID(),
		Subject:    "gateway.v1." + aggregate + "." + fact + "." + project,
		ProjectId:  r.Caller.ProjectID,
		BranchId:   r.Caller.BranchID,
		Aggregate:  "request/" + facts.ID,
		OccurredAt: timestamppb.New(p.clock.Now()),
		RequestId:  facts.ID,
	}
	if r.Caller.UserID != "" {
		envelope.Actor = "user/" + r.Caller.UserID
	}
	return envelope
}

// put never waits.
func (p *Publisher) put(envelope *eventsv1.Envelope) {
	select {
	case p.queue <- envelope:
	default:
		p.dropped.Add(1)
	}
}

// cut shortens what callers choose, and makes text of it.
func cut(agent string) string {
	if len(agent) > longestAgent {
		agent = agent[:longestAgent]
	}
	return strings.ToValidUTF8(agent, "\ufffd")
}
