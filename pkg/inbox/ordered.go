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
	s := &session{Consumer: c, queues: map[string][]jetstream.Msg{}, unfinished: map[uint64]bool{}, room: make(chan struct{}, lanes)}
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
// are the same.
type session struct {
	*Consumer

	// delivered and last are the numbers of the newest delivery and of the
	// newest event.
	delivered, last uint64
	working         sync.WaitGroup
	// room bounds how many events are handled at the same time.
	room chan struct{}

	mu sync.Mutex
	// queues hold what waits behind the event of its key that is being handled.
	// The server bounds them: it delivers no more than MaxAckPending.
	queues map[string][]jetstream.Msg
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

// accept puts a delivery behind those of its key. It fails when it is not the
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
	key := s.subscription.key(msg)
	queue, busy := s.queues[key]
	if busy {
		s.queues[key] = append(queue, msg)
		return nil
	}
	s.queues[key] = nil
	s.working.Go(func() { s.work(ctx, key, msg) })
	return nil
}

// work handles the events of a key, one after the other, until none waits.
func (s *session) work(ctx context.Context, key string, msg jetstream.Msg) {
	for s.finish(ctx, msg) {
		s.mu.Lock()
		queue := s.queues[key]
		if len(queue) == 0 {
			delete(s.queues, key)
			s.mu.Unlock()
			return
		}
		msg, s.queues[key] = queue[0], queue[1:]
		s.mu.Unlock()
	}
}

// finish tries until the event has its effect or is parked. It reports false
// when ctx ended before.
func (s *session) finish(ctx context.Context, msg jetstream.Msg) bool {
	for attempt := uint64(1); ; attempt++ {
		done, err := s.try(ctx, msg, attempt)
		if done {
			break
		}
		if err != nil {
			s.logger.WarnContext(ctx, "an event failed and will be tried again; what follows it waits",
				"consumer", s.consumer, "attempt", attempt, "error", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(backoff(attempt)):
		}
	}
	if metadata, err := msg.Metadata(); err == nil {
		s.mu.Lock()
		delete(s.unfinished, metadata.Sequence.Stream)
		s.mu.Unlock()
	}
	s.settle(ctx, msg.Ack())
	return true
}

func (s *session) try(ctx context.Context, msg jetstream.Msg, attempt uint64) (done bool, err error) {
	select {
	case <-ctx.Done():
		return false, nil
	case s.room <- struct{}{}:
	}
	defer func() { <-s.room }()
	times := 1
	if s.shuffle {
		times += rand.IntN(5)
	}
	for range times {
		event, err := s.apply(ctx, msg.Data())
		if ctx.Err() != nil {
			return false, nil
		}
		if err == nil {
			continue
		}
		if attempt < maxDeliveries {
			return false, err
		}
		return s.park(ctx, event, msg.Data(), attempt, err) == nil, err
	}
	return true, nil
}

// key is what the events of an ordered subscription keep their order within.
func (s *Subscription) key(msg jetstream.Msg) string {
	name := string(aggregate(msg.Data()))
	if s.Key != nil {
		name = s.Key(name)
	}
	return name
}
