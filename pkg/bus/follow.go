package bus

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// followTurn is how long one consumer of Follow lives. Beginning again
	// bounds how long anything can go unnoticed that a consumer missed, such as
	// what was stored after the server lost its streams.
	followTurn = time.Minute
	// followPause is the time between two tries while the stream is not there.
	followPause = time.Second
	// followOverlap covers clocks that differ.
	followOverlap = 10 * time.Second
)

// Follow calls handle for the events of a context's stream on a subject, from
// those that are younger than memory on, until ctx ends. It keeps nothing on the
// server. A broken connection or a stream that is not there yet is waited for;
// no event stored meanwhile is missed, but some are handed over again. Handle is
// called by one goroutine at a time.
func (b *Bus) Follow(ctx context.Context, service, subject string, memory time.Duration, handle func(payload []byte)) error {
	since := time.Now().Add(-memory)
	for ctx.Err() == nil {
		began := time.Now()
		if b.followTurn(ctx, service, subject, since.Add(-followOverlap), handle) {
			since = began
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(followPause):
		}
	}
	return nil
}

// followTurn follows for one turn. It reports false when it could not begin.
func (b *Bus) followTurn(ctx context.Context, service, subject string, since time.Time, handle func(payload []byte)) bool {
	turn, cancel := context.WithTimeout(ctx, followTurn)
	defer cancel()
	consumer, err := b.js.OrderedConsumer(turn, StreamName(service), jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subject}, DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since,
	})
	if err != nil {
		return false
	}
	following, err := consumer.Consume(func(msg jetstream.Msg) { handle(msg.Data()) })
	if err != nil {
		return false
	}
	<-turn.Done()
	following.Stop()
	<-following.Closed()
	// While the server is away a turn proves nothing.
	return b.Connected()
}
