package inbox

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vestibule.dev/pkg/bus"
	"vestibule.dev/pkg/pg"
)

const (
	fetchSize = 256
	// batchSize bounds how many events share a transaction, and so how long it
	// holds its locks.
	batchSize = 64
	// fetchWait bounds one fetch, so that a consumer that vanished is noticed.
	fetchWait = 5 * time.Second
	// lanes is how many batches are handled at the same time.
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
			wanted:   subscription.Wanted,
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

// dispatch handles messages as they come, those of one project one after the
// other. What came while a worker was busy is its next batch.
func (c *Consumer) dispatch(ctx context.Context, messages <-chan jetstream.Msg) {
	var workers sync.WaitGroup
	defer workers.Wait()
	var queues [lanes]chan delivery
	for i := range queues {
		queue := make(chan delivery, fetchSize)
		defer close(queue)
		queues[i] = queue
		workers.Go(func() {
			for d := range queue {
				deliveries := []delivery{d}
				for len(queue) > 0 {
					deliveries = append(deliveries, <-queue)
				}
				c.deliverAll(ctx, deliveries)
			}
		})
	}
	for msg := range messages {
		c.hand.take(msg)
		d := read(msg)
		queues[lane(d.event.GetProjectId())] <- d
	}
}

// dispatchShuffled handles a batch several times over and out of order.
func (c *Consumer) dispatchShuffled(ctx context.Context, messages <-chan jetstream.Msg) {
	var deliveries []delivery
	timeout := time.NewTimer(100 * time.Millisecond)
	defer timeout.Stop()
	flush := func() {
		rand.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
		for len(deliveries) > 0 {
			n := 1 + rand.IntN(len(deliveries))
			c.deliverAll(ctx, deliveries[:n])
			deliveries = deliveries[n:]
		}
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
				deliveries = append(deliveries, read(msg))
			}
		case <-timeout.C:
			flush()
			timeout.Reset(100 * time.Millisecond)
		}
	}
}

// deliverAll delivers messages of any projects, those of each in their order.
func (c *Consumer) deliverAll(ctx context.Context, deliveries []delivery) {
	batches := map[string][]delivery{}
	for _, d := range deliveries {
		project := d.event.GetProjectId()
		batches[project] = append(batches[project], d)
	}
	for _, batch := range batches {
		for part := range slices.Chunk(batch, batchSize) {
			c.deliver(ctx, part)
		}
	}
}

// deliver has the effects of messages of one project and tells the server how it
// went. When they fail together, each is tried alone.
func (c *Consumer) deliver(ctx context.Context, batch []delivery) {
	err := ctx.Err() // a consumer that was told to stop begins nothing
	if err == nil {
		err = c.apply(ctx, batch...)
	}
	if err != nil && len(batch) > 1 && ctx.Err() == nil {
		for i := range batch {
			c.deliver(ctx, batch[i:i+1])
		}
		return
	}
	for _, d := range batch {
		c.answer(ctx, d, err)
		c.hand.leave(d.msg)
	}
}

// answer tells the server what became of a message.
func (c *Consumer) answer(ctx context.Context, d delivery, err error) {
	switch {
	case err == nil:
		c.settle(ctx, d.msg.Ack())
		return
	case ctx.Err() != nil:
		// Whoever runs now may have it at once.
		c.settle(ctx, d.msg.Nak())
		return
	}
	metadata, metaErr := d.msg.Metadata()
	if metaErr != nil {
		c.settle(ctx, metaErr)
		return
	}
	if metadata.NumDelivered >= maxDeliveries {
		if parkErr := c.park(ctx, d, metadata.NumDelivered, err); parkErr == nil {
			c.settle(ctx, d.msg.Ack())
			return
		}
	}
	c.logger.WarnContext(ctx, "an event failed and will be tried again",
		"consumer", c.consumer, "event", d.event.GetId(), "attempt", metadata.NumDelivered, "error", err)
	c.settle(ctx, d.msg.NakWithDelay(backoff(metadata.NumDelivered)))
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

// lane assigns a project to a worker.
func lane(project string) int {
	hash := fnv.New32a()
	hash.Write([]byte(project))
	return int(hash.Sum32() % lanes)
}
