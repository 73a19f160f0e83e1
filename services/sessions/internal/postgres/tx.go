package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/secret"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/postgres/db"
)

// tx implements app.Tx.
type tx struct {
	tx      pgx.Tx
	queries *db.Queries
	box     *secret.Box
	encode  Encode
}

func (t *tx) CreateSession(ctx context.Context, session app.NewSession) (created bool, err error) {
	ipInfo, err := encodeIPInfo(session.IPInfo)
	if err != nil {
		return false, err
	}
	rows, err := t.queries.CreateSession(ctx, db.CreateSessionParams{
		ProjectID:       session.ProjectID,
		BranchID:        session.BranchID,
		ID:              session.ID,
		UserID:          session.UserID,
		TokenHash:       secret.HashToken(session.RefreshToken),
		LastIpInfo:      ipInfo,
		LifetimeSeconds: session.Lifetime.Seconds(),
		IsImpersonation: session.IsImpersonation,
	})
	return rows == 1, err
}

func (t *tx) DeleteSession(ctx context.Context, tenant ids.Tenant, sessionID, ownerID string) (userID string, deleted bool, err error) {
	userID, err = t.queries.DeleteSession(ctx, db.DeleteSessionParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: sessionID, OwnerID: orNull(ownerID),
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	return userID, err == nil, err
}

func (t *tx) DeleteSessionsOfUser(ctx context.Context, tenant ids.Tenant, userID, keptID string, openedBefore time.Time) (sessionIDs []string, err error) {
	return t.queries.DeleteSessionsOfUser(ctx, db.DeleteSessionsOfUserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
		KeptID: orNull(keptID), OpenedBefore: timeOrNull(openedBefore),
	})
}

func (t *tx) RememberDeletedUser(ctx context.Context, tenant ids.Tenant, userID string) error {
	return t.queries.RememberDeletedUser(ctx, db.RememberDeletedUserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	})
}

func (t *tx) PurgeProject(ctx context.Context, projectID string) error {
	for _, purge := range []func(context.Context, string) error{
		t.queries.RememberDeletedProject,
		t.queries.PurgeAuthorizationCodes,
		t.queries.PurgeSessions,
		t.queries.PurgeSigningKeys,
		t.queries.PurgeAPIKeys,
		t.queries.PurgeCLILogins,
		t.queries.PurgeDeletedUsers,
		t.queries.PurgeDeletedTeams,
	} {
		if err := purge(ctx, projectID); err != nil {
			return err
		}
	}
	return courier.PurgeProject(ctx, t.tx, projectID)
}

func (t *tx) Emit(ctx context.Context, events ...app.Event) error {
	envelopes := make([]*eventsv1.Envelope, 0, len(events))
	for _, event := range events {
		envelope, err := t.encode(ctx, event)
		if err != nil {
			return err
		}
		envelopes = append(envelopes, envelope)
	}
	return outbox.Append(ctx, t.tx, envelopes...)
}
