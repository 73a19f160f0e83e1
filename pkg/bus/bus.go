// Package bus promises one way to connect to NATS: the client reconnects for
// ever, publishing fails at once while it is disconnected instead of buffering,
// and each context has one durable stream.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Config says how to reach NATS.
type Config struct {
	// URL is one or more server URLs, separated by commas.
	URL string
	// Name names this client to the server's operators.
	Name string
	// Replicas of the streams this process creates; 0 means 1.
	Replicas int
	// Guest leaves streams as their owners made them, and waits for them to.
	Guest  bool
	Logger *slog.Logger
}

// Bus is a connection to NATS. It is safe for concurrent use.
type Bus struct {
	conn     *nats.Conn
	js       jetstream.JetStream
	replicas int
	guest    bool
}

const (
	// retention is how long a stream keeps events; the outbox keeps them
	// longer.
	retention = 7 * 24 * time.Hour
	// duplicateWindow is how long the server recognises an event published
	// twice. Consumers recognise it for ever.
	duplicateWindow = 2 * time.Minute
)

// Connect returns a Bus at once, whether or not a server answers yet.
func Connect(cfg Config) (*Bus, error) {
	logger := cfg.Logger
	conn, err := nats.Connect(cfg.URL,
		nats.Name(cfg.Name),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250*time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, time.Second),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(20*time.Second),
		nats.MaxPingsOutstanding(3),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				logger.Warn("NATS is not reachable", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { logger.Info("NATS is reachable again") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			logger.Warn("NATS subscription", "error", err)
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(5*time.Second))
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("bus: %w", err)
	}
	return &Bus{conn: conn, js: js, replicas: max(cfg.Replicas, 1), guest: cfg.Guest}, nil
}

// Close ends the connection.
func (b *Bus) Close() { b.conn.Close() }

// Connected reports whether a server answers now.
func (b *Bus) Connected() bool { return b.conn.IsConnected() }

// JetStream gives access to streams and consumers.
func (b *Bus) JetStream() jetstream.JetStream { return b.js }

// StreamName is the stream of a context's events.
func StreamName(service string) string { return strings.ToUpper(service) }

// EnsureStream creates or updates the stream of a context. A guest only looks
// whether it is there.
func (b *Bus) EnsureStream(ctx context.Context, service string) error {
	if b.guest {
		if _, err := b.js.Stream(ctx, StreamName(service)); err != nil {
			return fmt.Errorf("bus: stream of %s: %w", service, err)
		}
		return nil
	}
	_, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:       StreamName(service),
		Subjects:   []string{service + ".v1.>"},
		Storage:    jetstream.FileStorage,
		Retention:  jetstream.LimitsPolicy,
		MaxAge:     retention,
		Duplicates: duplicateWindow,
		Replicas:   b.replicas,
	})
	if err != nil {
		return fmt.Errorf("bus: stream of %s: %w", service, err)
	}
	return nil
}

// Publish stores an event in its context's stream and returns once the server
// has it. Publishing the same id again within two minutes stores nothing.
func (b *Bus) Publish(ctx context.Context, subject, id string, payload []byte) error {
	if !b.conn.IsConnected() {
		return nats.ErrDisconnected
	}
	_, err := b.js.PublishMsg(ctx, message(subject, id, payload))
	return err
}

// PublishAsync starts storing an event. The future tells when the server has
// it. When after is not empty, the server stores the event only if it is the next
// one after that with this id, or is stored already: events that are sent without
// waiting for each other so keep their order when one of them is lost.
func (b *Bus) PublishAsync(subject, id, after string, payload []byte) (jetstream.PubAckFuture, error) {
	if !b.conn.IsConnected() {
		return nil, nats.ErrDisconnected
	}
	msg := message(subject, id, payload)
	if after != "" {
		msg.Header[jetstream.ExpectedLastMsgIDHeader] = []string{after}
	}
	// The client would send again later, behind those that follow.
	return b.js.PublishMsgAsync(msg, jetstream.WithRetryAttempts(0))
}

func message(subject, id string, payload []byte) *nats.Msg {
	return &nats.Msg{Subject: subject, Data: payload, Header: nats.Header{jetstream.MsgIDHeader: []string{id}}}
}

// PublishCore tells whoever listens now, and nobody later. It never fails the
// caller: these messages only speed up what happens anyway.
func (b *Bus) PublishCore(subject string, payload []byte) {
	if b.conn.IsConnected() {
		_ = b.conn.Publish(subject, payload)
	}
}

// SubscribeCore calls handle for every core message on the subject, in order,
// until ctx ends. The subscription survives reconnections; missed messages are
// lost.
func (b *Bus) SubscribeCore(ctx context.Context, subject string, handle func(payload []byte)) error {
	subscription, err := b.conn.Subscribe(subject, func(msg *nats.Msg) { handle(msg.Data) })
	if err != nil {
		return fmt.Errorf("bus: subscribe to %s: %w", subject, err)
	}
	<-ctx.Done()
	if err := subscription.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return err
	}
	return nil
}
