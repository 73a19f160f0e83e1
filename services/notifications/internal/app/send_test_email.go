package app

import (
	"context"
	"errors"
	"strings"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/notifications/internal/domain"
)

// testTimeout bounds a test of a mail server.
const testTimeout = 10 * time.Second

// SendTestEmail sends one plain mail by a server that is not configured yet
// (notifications.md §6.8). problem is empty when the server took it.
func (a *App) SendTestEmail(ctx context.Context, to string, server Server) (problem string, err error) {
	req, config, err := a.configured(ctx)
	if err != nil {
		return "", err
	}
	name := strings.TrimSpace(config.DisplayName)
	if name == "" {
		name = req.ProjectID
	}
	// The answer has to leave before the caller's own time is up.
	limit := testTimeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, deadline.Sub(a.Clock.Now())-200*time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = a.Mailer.Send(ctx, server, Message{
		ID: ids.NewUUID(), To: []string{to}, Subject: "Test mail from " + name,
		Text: "This mail was sent to try the mail server of " + name + ". It arrived, so the server works.\n",
	}, func(context.Context) error { return nil })
	var failure *domain.SendFailure
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &failure):
		return failure.Message, nil
	}
	return "The mail could not be sent.", nil
}
