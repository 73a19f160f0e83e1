package inbox

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"

	"vestibule.dev/pkg/bus"
	eventsv1 "vestibule.dev/proto/events/v1"
)

// errGap says that the server delivered something to somebody else, or that
// nobody got it.
var errGap = errors.New("inbox: deliveries are missing")

// orderedAckWait is when the server delivers again what a session has in hand. It
// may be long: whoever leads next does not wait for it.
const orderedAckWait = 30 * time.Second

// leaderPing is how often a leader makes sure that it still is one.
const leaderPing = time.Second

// runOrdered consumes while this replica leads, until ctx ends.
//
// Order needs no more of leadership than that it ends sooner or later: a session
// handles everything from the oldest event on that nobody acknowledged, and no
// event before those of its key that precede it. So do two sessions at the same
// time, and the inbox lets the first of them have the effect.
func (c *Consumer) runOrdered(ctx context.Context) error {
	return c.db.Lead(ctx, c.lockKey(), func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		lost := make(chan error, 1)
		go func() {
			lost <- c.keepLeading(ctx, conn)
			cancel()
		}()
		err := c.repeat(ctx, c.consumeOrdered)
		cancel()
		return errors.Join(err, <-lost)
	})
}

// lockKey is the advisory lock of the replica that consumes.
func (c *Consumer) lockKey() int64 {
	hash := fnv.New64a()
	hash.Write([]byte("inbox/" + c.consumer))
	return int64(hash.Sum64())
}

// keepLeading returns when the connection that holds the lock breaks.
func (c *Consumer) keepLeading(ctx context.Context, conn *pgx.Conn) error {
	ticker := time.NewTicker(leaderPing)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := conn.Ping(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// consumeOrdered fetches, from the oldest event on that nobody acknowledged,
// until something goes wrong.
func (c *Consumer) consumeOrdered(ctx context.Context) error {
	if !c.bus.Connected() {
		return nil
	}
	if err := c.bus.EnsureStream(ctx, c.subscription.Context); err != nil {
		return err
	}
	consumer, err := c.rewind(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &session{
		Consumer: c, projects: map[string][]delivery{}, held: map[string][]delivery{},
		unfinished: map[uint64]bool{}, room: make(chan struct{}, lanes),
	}
	defer s.working.Wait()
	defer cancel()
	for ctx.Err() == nil {
		if err := s.fetch(ctx, consumer); err != nil {
			return err
		}
	}
	return nil
}

// rewind makes the durable consumer anew, so that what is under way is delivered
// again at once and before what follows it. Without it the server would do so
// after ackWait, and behind newer events. What was acknowledged out of turn comes
// again too, which the inbox knows. A process that dies in the middle leaves no
// consumer; the next one begins with the stream, which takes its time and has no
// other effect.
func (c *Consumer) rewind(ctx context.Context) (jetstream.Consumer, error) {
	config := c.durable(orderedAckWait)
	js, stream := c.bus.JetStream(), bus.StreamName(c.subscription.Context)
	former, err := js.Consumer(ctx, stream, c.consumer)
	switch {
	case err == nil:
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, former.CachedInfo().AckFloor.Stream+1
		if err := js.DeleteConsumer(ctx, stream, c.consumer); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return nil, err
		}
	case !errors.Is(err, jetstream.ErrConsumerNotFound):
		return nil, err
	}
	return js.CreateConsumer(ctx, stream, config)
}

// session handles deliveries in the order of the stream, as far as their keys
// are the same. Those of a project are handled in batches, by one goroutine. A key
// whose event fails is held: it gets a goroutine of its own until nothing waits
// behind that event any more.
type session struct {
	*Consumer

	// delivered and last are the numbers of the newest delivery and of the
	// newest event.
	delivered, last uint64
	working         sync.WaitGroup
	// room bounds how many batches are handled at the same time.
	room chan struct{}

	mu sync.Mutex
	// projects hold what waits for its project's next batch, held what waits
	// behind an event that failed, by its key. The server bounds both: it
	// delivers no more than MaxAckPending.
	projects, held map[string][]delivery
	// unfinished are the numbers of the events in hand.
	unfinished map[uint64]bool
}

func (s *session) fetch(ctx context.Context, consumer jetstream.Consumer) error {
	fetchCtx, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	batch, err := consumer.Fetch(fetchSize, jetstream.FetchContext(fetchCtx))
	if err != nil {
		return err
	}
	for msg := range batch.Messages() {
		if err := s.accept(ctx, msg); err != nil {
			return err
		}
	}
	if err := batch.Error(); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// accept puts a delivery behind those of its project. It fails when it is not the
// one that follows the delivery before.
func (s *session) accept(ctx context.Context, msg jetstream.Msg) error {
	metadata, err := msg.Metadata()
	if err != nil {
		return err
	}
	if s.delivered++; metadata.Sequence.Consumer != s.delivered {
		return fmt.Errorf("%w: got %d instead of %d", errGap, metadata.Sequence.Consumer, s.delivered)
	}
	sequence := metadata.Sequence.Stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if sequence <= s.last {
		// It took long, or its acknowledgement was lost.
		if !s.unfinished[sequence] {
			s.settle(ctx, msg.Ack())
		}
		return nil
	}
	s.last, s.unfinished[sequence] = sequence, true
	d := read(msg)
	project := d.event.GetProjectId()
	waiting, busy := s.projects[project]
	s.projects[project] = append(waiting, d)
	if !busy {
		s.working.Go(func() { s.work(ctx, project) })
	}
	return nil
}

// work handles the events of a project, batch after batch, until none waits.
func (s *session) work(ctx context.Context, project string) {
	for {
		s.mu.Lock()
		waiting := s.projects[project]
		if len(waiting) == 0 {
			delete(s.projects, project)
			s.mu.Unlock()
			return
		}
		n := min(len(waiting), batchSize)
		s.projects[project] = waiting[n:]
		s.mu.Unlock()
		if !s.handle(ctx, waiting[:n]) {
			return
		}
	}
}

// handle has the effects of a batch, except of what waits behind an event that
// failed. When they fail together, each is tried alone. It reports false when ctx
// ended before.
func (s *session) handle(ctx context.Context, batch []delivery) bool {
	if batch = s.queueHeld(batch); len(batch) == 0 {
		return true
	}
	err := s.try(ctx, batch...)
	switch {
	case ctx.Err() != nil:
		return false
	case err == nil:
		s.finish(ctx, batch...)
	case len(batch) == 1:
		s.hold(ctx, batch[0], err)
	default:
		for i := range batch {
			if !s.handle(ctx, batch[i:i+1]) {
				return false
			}
		}
	}
	return true
}

// queueHeld lets the events of keys that are held wait there, and returns the
// others.
func (s *session) queueHeld(batch []delivery) []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.held) == 0 {
		return batch
	}
	free := make([]delivery, 0, len(batch))
	for _, d := range batch {
		key := s.subscription.key(d.event)
		if queue, held := s.held[key]; held {
			s.held[key] = append(queue, d)
		} else {
			free = append(free, d)
		}
	}
	return free
}

// hold tries an event again that failed, and lets those of its key wait meanwhile.
func (s *session) hold(ctx context.Context, d delivery, err error) {
	key := s.subscription.key(d.event)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[key] = nil
	s.working.Go(func() { s.insist(ctx, key, d, err) })
}

// insist handles the events of a key that is held, one after the other, until
// none waits. The first failed with err.
func (s *session) insist(ctx context.Context, key string, d delivery, err error) {
	for {
		for attempt := uint64(1); err != nil; attempt++ {
			if attempt >= maxDeliveries && s.park(ctx, d, attempt, err) == nil {
				break
			}
			s.logger.WarnContext(ctx, "an event failed and will be tried again; what follows it waits",
				"consumer", s.consumer, "event", d.event.GetId(), "attempt", attempt, "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(backoff(attempt)):
			}
			err = s.try(ctx, d)
			if ctx.Err() != nil {
				return
			}
		}
		s.finish(ctx, d)
		s.mu.Lock()
		queue := s.held[key]
		if len(queue) == 0 {
			delete(s.held, key)
			s.mu.Unlock()
			return
		}
		d, s.held[key] = queue[0], queue[1:]
		s.mu.Unlock()
		if err = s.try(ctx, d); ctx.Err() != nil {
			return
		}
	}
}

// finish acknowledges events that have had their effect or are parked.
func (s *session) finish(ctx context.Context, batch ...delivery) {
	for _, d := range batch {
		if metadata, err := d.msg.Metadata(); err == nil {
			s.mu.Lock()
			delete(s.unfinished, metadata.Sequence.Stream)
			s.mu.Unlock()
		}
		s.settle(ctx, d.msg.Ack())
	}
}

func (s *session) try(ctx context.Context, batch ...delivery) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case s.room <- struct{}{}:
	}
	defer func() { <-s.room }()
	if s.shuffle {
		batch = repeated(batch)
		if err := s.apply(ctx, batch...); err != nil {
			return err
		}
	}
	return s.apply(ctx, batch...)
}

// repeated is a batch with everything in it one to three times.
func repeated(batch []delivery) []delivery {
	var more []delivery
	for _, d := range batch {
		for range 1 + rand.IntN(3) {
			more = append(more, d)
		}
	}
	return more
}

// key is what the events of an ordered subscription keep their order within. No
// two projects share one.
func (s *Subscription) key(event *eventsv1.Envelope) string {
	name := event.GetAggregate()
	if s.Key != nil {
		name = s.Key(name)
	}
	return event.GetProjectId() + " " + name
}
