package upstream

import (
	"context"
	"log/slog"

	"vestibule.dev/pkg/bus"
)

// projectChanged is the subject on which identity names a project whose
// configuration or keys have changed; the payload is its id.
const projectChanged = "vestibule.project.changed"

// Changes listens for changed projects until ctx ends. A broken connection is
// retried for ever: without it caches run out by themselves, only later.
func Changes(ctx context.Context, url string, log *slog.Logger, changed func(projectID string)) error {
	b, err := bus.Connect(bus.Config{URL: url, Name: "gateway", Logger: log})
	if err != nil {
		return err
	}
	defer b.Close()
	return b.SubscribeCore(ctx, projectChanged, func(payload []byte) { changed(string(payload)) })
}
