package inbox

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vestibule.dev/pkg/bus"
	"vestibule.dev/pkg/pg"
	eventsv1 "vestibule.dev/proto/events/v1"
)

const (
	fetchSize = 64
	// fetchWait bounds one fetch, so that a consumer that vanished is noticed.
	fetchWait = 5 * time.Second
	// lanes is how many events are handled at the same time.
	lanes = 4
	// ackWait is when an event is delivered again that nobody acknowledged, or
	// said to be working on: what was under way when a connection broke or a
	// process died waits no longer than this.
	ackWait = 5 * time.Second
)

// Consumer delivers the events of one subscription to its handler.
type Consumer struct {
	once
	bus          *bus.Bus
	subscription Subscription
	shuffle      bool
	ackWait      time.Duration
	hand         hand
}

// Config is what consumers of one service share.
type Config struct {
	Service string
	DB      *pg.DB
	Bus     *bus.Bus
	Logger  *slog.Logger
	// Shuffle delivers every event one to five times and in random order. It
	// is for tests: nothing that works with it depends on the stream's mood.
	Shuffle bool
	// AckWait is when an event is delivered again that was neither
	// acknowledged nor said to be worked on; 0 means 5 s.
	AckWait time.Duration
}

// NewConsumer returns a consumer for the subscription.
func NewConsumer(cfg Config, subscription Subscription) *Consumer {
	return &Consumer{
		once: once{
			db:       cfg.DB,
			consumer: cfg.Service + "-" + subscription.Name,
			concerns: subscription.Concerns,
			handle:   subscription.Handle,
			logger:   cfg.Logger,
		},
		bus:          cfg.Bus,
		subscription: subscription,
		shuffle:      cfg.Shuffle,
		ackWait:      cmp.Or(cfg.AckWait, ackWait),
		hand:         hand{since: map[jetstream.Msg]time.Time{}},
	}
}

// Run consumes until ctx ends. It waits for the stream to exist and creates its
// durable consumer again when the server lost it.
func (c *Consumer) Run(ctx context.Context) error {
	if c.subscription.Ordered {
		return c.runOrdered(ctx)
	}
	return c.repeat(ctx, c.consume)
}

// repeat begins again after whatever goes wrong, until ctx ends.
func (c *Consumer) repeat(ctx context.Context, consume func(ctx context.Context) error) error {
	for ctx.Err() == nil {
		err := consume(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			c.logger.WarnContext(ctx, "events are not consumed", "consumer", c.consumer, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

// Name is the name of the durable consumer.
func (c *Consumer) Name() string { return c.consumer }

// Pending is the number of events that wait for the consumer on the stream.
func (c *Consumer) Pending(ctx context.Context) (uint64, error) {
	if !c.bus.Connected() {
		return 0, nats.ErrDisconnected
	}
	consumer, err := c.bus.JetStream().Consumer(ctx, bus.StreamName(c.subscription.Context), c.consumer)
	if err != nil {
		return 0, err
	}
	info := consumer.CachedInfo()
	return info.NumPending + uint64(info.NumAckPending), nil
}

// consume fetches until something goes wrong.
func (c *Consumer) consume(ctx context.Context) error {
	if !c.bus.Connected() {
		return nil
	}
	if err := c.bus.EnsureStream(ctx, c.subscription.Context); err != nil {
		return err
	}
	consumer, err := c.bus.JetStream().CreateOrUpdateConsumer(ctx, bus.StreamName(c.subscription.Context), c.durable(c.ackWait))
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := c.fetch(ctx, consumer); err != nil {
			return err
		}
	}
	return nil
}

// durable is the consumer as the server keeps it.
func (c *Consumer) durable(ackWait time.Duration) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:        c.consumer,
		FilterSubjects: c.subscription.Subjects,
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        ackWait,
		MaxAckPending:  4 * fetchSize,
		// Parking ends the tries, not the server.
		MaxDeliver: -1,
	}
}

// fetch handles one batch.
func (c *Consumer) fetch(ctx context.Context, consumer jetstream.Consumer) error {
	fetchCtx, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	defer c.hand.hold(c.ackWait)()
	batch, err := consumer.Fetch(fetchSize, jetstream.FetchContext(fetchCtx))
	if err != nil {
		return err
	}
	if c.shuffle {
		c.dispatchShuffled(ctx, batch.Messages())
	} else {
		c.dispatch(ctx, batch.Messages())
	}
	if err := batch.Error(); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// dispatch handles messages as they come, those of one aggregate one after the
// other.
func (c *Consumer) dispatch(ctx context.Context, messages <-chan jetstream.Msg) {
	var workers sync.WaitGroup
	defer workers.Wait()
	var queues [lanes]chan jetstream.Msg
	for i := range queues {
		queue := make(chan jetstream.Msg, fetchSize)
		defer close(queue)
		queues[i] = queue
		workers.Go(func() {
			for msg := range queue {
				c.deliver(ctx, msg)
			}
		})
	}
	for msg := range messages {
		c.hand.take(msg)
		queues[lane(msg)] <- msg
	}
}

// dispatchShuffled handles a batch several times over and out of order.
func (c *Consumer) dispatchShuffled(ctx context.Context, messages <-chan jetstream.Msg) {
	var deliveries []jetstream.Msg
	timeout := time.NewTimer(100 * time.Millisecond)
	defer timeout.Stop()
	flush := func() {
		rand.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
		for _, msg := range deliveries {
			c.deliver(ctx, msg)
		}
		deliveries = deliveries[:0]
	}
	for {
		select {
		case msg, ok := <-messages:
			if !ok {
				flush()
				return
			}
			c.hand.take(msg)
			for range 1 + rand.IntN(5) {
				deliveries = append(deliveries, msg)
			}
		case <-timeout.C:
			flush()
			timeout.Reset(100 * time.Millisecond)
		}
	}
}

// deliver has the effect of one message and tells the server how it went.
func (c *Consumer) deliver(ctx context.Context, msg jetstream.Msg) {
	defer c.hand.leave(msg)
	event, err := c.tryApply(ctx, msg.Data())
	switch {
	case err == nil:
		c.settle(ctx, msg.Ack())
		return
	case ctx.Err() != nil:
		// Whoever runs now may have it at once.
		c.settle(ctx, msg.Nak())
		return
	}
	metadata, metaErr := msg.Metadata()
	if metaErr != nil {
		c.settle(ctx, metaErr)
		return
	}
	if metadata.NumDelivered >= maxDeliveries {
		if parkErr := c.park(ctx, event, msg.Data(), metadata.NumDelivered, err); parkErr == nil {
			c.settle(ctx, msg.Ack())
			return
		}
	}
	c.logger.WarnContext(ctx, "an event failed and will be tried again",
		"consumer", c.consumer, "event", event.GetId(), "attempt", metadata.NumDelivered, "error", err)
	c.settle(ctx, msg.NakWithDelay(backoff(metadata.NumDelivered)))
}

// tryApply is apply for a consumer that may have been told to stop.
func (c *Consumer) tryApply(ctx context.Context, payload []byte) (*eventsv1.Envelope, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.apply(ctx, payload)
}

// settle logs when the server could not be told; it will deliver again, which
// is harmless.
func (c *Consumer) settle(ctx context.Context, err error) {
	if err != nil && !errors.Is(err, jetstream.ErrMsgAlreadyAckd) && ctx.Err() == nil {
		c.logger.DebugContext(ctx, "an acknowledgement was lost", "consumer", c.consumer, "error", err)
	}
}

// backoff is the wait before the next try: about 0.2 s, doubling up to a
// minute.
func backoff(attempt uint64) time.Duration {
	wait := min(100*time.Millisecond<<min(attempt, 10), time.Minute)
	return wait/2 + rand.N(wait)
}

// lane assigns an aggregate to a worker.
func lane(msg jetstream.Msg) int {
	hash := fnv.New32a()
	hash.Write(aggregate(msg.Data()))
	return int(hash.Sum32() % lanes)
}
