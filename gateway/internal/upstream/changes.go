package upstream

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// projectChanged is the subject on which identity names a project whose
// configuration or keys have changed; the payload is its id.
const projectChanged = "vestibule.project.changed"

// Changes listens for changed projects until ctx ends. A broken connection is
// retried for ever: without it caches run out by themselves, only later.
func Changes(ctx context.Context, url string, log *slog.Logger, changed func(projectID string)) error {
	conn, err := nats.Connect(url,
		nats.Name("gateway"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(time.Second),
		nats.RetryOnFailedConnect(true),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			log.WarnContext(ctx, "no word of changed projects", "error", err)
		}),
	)
	if err != nil {
		return fmt.Errorf("upstream: connect to NATS: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Subscribe(projectChanged, func(m *nats.Msg) { changed(string(m.Data)) }); err != nil {
		return fmt.Errorf("upstream: subscribe: %w", err)
	}
	<-ctx.Done()
	return nil
}
