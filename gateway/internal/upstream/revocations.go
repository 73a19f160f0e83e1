package upstream

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/bus"
	eventsv1 "vestibule.dev/proto/events/v1"
)

// sessionRevoked is the subject of the fact that sessions ended before their
// time, of all projects.
const sessionRevoked = "sessions.v1.session.revoked.*"

// Revocations hears which sessions ended, from those of the time memory ago on,
// until ctx ends. A broken connection is retried for ever, and what ended
// meanwhile is told then.
func Revocations(ctx context.Context, url string, log *slog.Logger, memory time.Duration, ended func(at time.Time, sessionIDs ...string)) error {
	b, err := bus.Connect(bus.Config{URL: url, Name: "gateway revocations", Logger: log})
	if err != nil {
		return err
	}
	defer b.Close()
	return b.Follow(ctx, "sessions", sessionRevoked, memory, func(payload []byte) {
		event := &eventsv1.Envelope{}
		if err := proto.Unmarshal(payload, event); err != nil {
			log.WarnContext(ctx, "an event cannot be read", slog.String("subject", sessionRevoked), slog.Any("error", err))
			return
		}
		ended(event.GetOccurredAt().AsTime(), event.GetSessionRevoked().GetSessionIds()...)
	})
}
