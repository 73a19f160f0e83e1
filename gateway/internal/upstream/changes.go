package upstream

import (
	"context"

	"vestibule.dev/pkg/bus"
)

// projectChanged is the subject on which identity names a project whose
// configuration or keys have changed; the payload is its id.
const projectChanged = "vestibule.project.changed"

// Changes listens for changed projects until ctx ends. What is missed while the
// connection is broken is noticed all the same, only later: caches run out.
func Changes(ctx context.Context, b *bus.Bus, changed func(projectID string)) error {
	return b.SubscribeCore(ctx, projectChanged, func(payload []byte) { changed(string(payload)) })
}
