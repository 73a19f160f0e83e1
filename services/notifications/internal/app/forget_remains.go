package app

import (
	"context"
	"time"
)

const (
	// linksKept is how long after its end a link is told from one that never
	// was.
	linksKept = 60 * 24 * time.Hour
	// removedKept is longer than anything that was begun for a user can take.
	removedKept = 24 * time.Hour
)

// ForgetRemains deletes what has outlived its use.
func (a *App) ForgetRemains(ctx context.Context) error {
	return a.Store.ForgetRemains(ctx, linksKept, removedKept)
}
