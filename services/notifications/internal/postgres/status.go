package postgres

import (
	"context"
	"time"
)

// MailQueueStatus tells how many mails of all projects wait for a worker now,
// and how long the oldest of them has.
func (s *Store) MailQueueStatus(ctx context.Context) (waiting int64, oldest time.Duration, err error) {
	row, err := s.queries(ctx).MailQueueStatus(ctx)
	return row.Waiting, time.Duration(row.OldestSeconds * float64(time.Second)), err
}

// WebhookQueueStatus tells how many webhook deliveries of all projects are due
// and under way nowhere, and for how long the oldest of them has been.
func (s *Store) WebhookQueueStatus(ctx context.Context) (waiting int64, oldest time.Duration, err error) {
	row, err := s.queries(ctx).WebhookQueueStatus(ctx)
	return row.Waiting, time.Duration(row.OldestSeconds * float64(time.Second)), err
}

// MailingQueueStatus tells how many users of all projects have no mail yet of
// what is sent to many, and how long nothing was done about one of those.
func (s *Store) MailingQueueStatus(ctx context.Context) (waiting int64, oldest time.Duration, err error) {
	row, err := s.queries(ctx).MailingQueueStatus(ctx)
	return row.Waiting, time.Duration(row.OldestSeconds * float64(time.Second)), err
}
