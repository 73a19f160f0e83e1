// Package events promises to read what the contexts have published, without
// taking anything from the consumers.
package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	eventsv1 "vestibule.dev/proto/events/v1"
)

// Log is a connection to the streams of a running system.
type Log struct {
	conn *nats.Conn
	js   jetstream.JetStream
}

// Event is one stored message.
type Event struct {
	Subject  string
	Header   nats.Header
	Payload  []byte
	Envelope *eventsv1.Envelope
}

// Fact is the part of the subject that says what happened, such as
// identity.user.created.
func (e Event) Fact() string {
	parts := strings.Split(e.Subject, ".")
	if len(parts) < 4 {
		return e.Subject
	}
	return parts[0] + "." + parts[2] + "." + parts[3]
}

// Open connects to the server at url.
func Open(url string) (*Log, error) {
	conn, err := nats.Connect(url)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &Log{conn: conn, js: js}, nil
}

// Close ends the connection.
func (l *Log) Close() { l.conn.Close() }

// Read returns all stored events of all contexts, in the order of each stream.
func (l *Log) Read(ctx context.Context) ([]Event, error) {
	var found []Event
	names := l.js.StreamNames(ctx)
	for name := range names.Name() {
		stream, err := l.js.Stream(ctx, name)
		if err != nil {
			return nil, err
		}
		state := stream.CachedInfo().State
		for seq := state.FirstSeq; seq <= state.LastSeq && state.Msgs > 0; seq++ {
			message, err := stream.GetMsg(ctx, seq)
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("stream %s: %w", name, err)
			}
			event := Event{Subject: message.Subject, Header: message.Header, Payload: message.Data, Envelope: &eventsv1.Envelope{}}
			if err := proto.Unmarshal(message.Data, event.Envelope); err != nil {
				return nil, fmt.Errorf("stream %s, message %d: %w", name, seq, err)
			}
			found = append(found, event)
		}
	}
	return found, names.Err()
}

// About returns the facts whose aggregate is one of the given, such as
// user/<id>, in the order of each stream.
func (l *Log) About(ctx context.Context, aggregates ...string) ([]Event, error) {
	all, err := l.Read(ctx)
	return slices.DeleteFunc(all, func(e Event) bool {
		return !slices.Contains(aggregates, e.Envelope.GetAggregate())
	}), err
}

// Drained returns an error while a consumer has events before it.
func (l *Log) Drained(ctx context.Context) error {
	var errs []error
	names := l.js.StreamNames(ctx)
	for name := range names.Name() {
		stream, err := l.js.Stream(ctx, name)
		if err != nil {
			return err
		}
		consumers := stream.ListConsumers(ctx)
		for info := range consumers.Info() {
			if left := info.NumPending + uint64(info.NumAckPending); left > 0 {
				errs = append(errs, fmt.Errorf("%d events wait for consumer %s of %s", left, info.Name, name))
			}
		}
		if err := consumers.Err(); err != nil {
			return err
		}
	}
	return errors.Join(append(errs, names.Err())...)
}

// Watch calls handle for each event on a subject that is stored from now on,
// until stop is called.
func (l *Log) Watch(ctx context.Context, stream, subject string, handle func(Event)) (stop func(), err error) {
	consumer, err := l.js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subject}, DeliverPolicy: jetstream.DeliverNewPolicy,
	})
	if err != nil {
		return nil, err
	}
	consuming, err := consumer.Consume(func(message jetstream.Msg) {
		event := Event{Subject: message.Subject(), Header: message.Headers(), Payload: message.Data(), Envelope: &eventsv1.Envelope{}}
		if proto.Unmarshal(message.Data(), event.Envelope) == nil {
			handle(event)
		}
	})
	if err != nil {
		return nil, err
	}
	return consuming.Stop, nil
}
