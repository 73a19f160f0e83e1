package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/outbox"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/postgres/db"
)

// tx implements app.Tx.
type tx struct {
	tx      pgx.Tx
	queries *db.Queries
	outlets
}

func (t *tx) Enter(ctx context.Context, tenant ids.Tenant) (deleted bool, err error) {
	if err := t.queries.EnterProject(ctx, tenant.ProjectID); err != nil {
		return false, err
	}
	// A statement of its own: its snapshot must be younger than the lock.
	return t.queries.ProjectDeleted(ctx, tenant.ProjectID)
}

func (t *tx) LockUser(ctx context.Context, tenant ids.Tenant, userID string) (deleted bool, err error) {
	if err := t.queries.LockUser(ctx, db.LockUserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	}); err != nil {
		return false, err
	}
	// A statement of its own: its snapshot must be younger than the lock.
	return t.queries.UserDeleted(ctx, db.UserDeletedParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	})
}

func (t *tx) DeleteUser(ctx context.Context, tenant ids.Tenant, userID string) (teamIDs []string, err error) {
	if err := t.queries.RememberDeletedUser(ctx, db.RememberDeletedUserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	}); err != nil {
		return nil, err
	}
	if err := t.queries.ForgetProvisionedUser(ctx, db.ForgetProvisionedUserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	}); err != nil {
		return nil, err
	}
	if err := t.queries.DeleteProjectPermissions(ctx, db.DeleteProjectPermissionsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	}); err != nil {
		return nil, err
	}
	return t.queries.DeleteMemberships(ctx, db.DeleteMembershipsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	})
}

func (t *tx) RememberProvisioned(ctx context.Context, tenant ids.Tenant, userID string) (first bool, err error) {
	rows, err := t.queries.RememberProvisionedUser(ctx, db.RememberProvisionedUserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	})
	return rows == 1, err
}

func (t *tx) PurgeProject(ctx context.Context, projectID string) error {
	for _, step := range []func(context.Context, string) error{
		t.queries.LockProject, t.queries.RememberDeletedProject,
		t.queries.PurgeTeams, t.queries.PurgeProjectPermissions, t.queries.PurgeEndedPermissions,
		t.queries.PurgeProvisionedUsers, t.queries.PurgeDeletedUsers,
	} {
		if err := step(ctx, projectID); err != nil {
			return err
		}
	}
	if err := onetime.PurgeProject(ctx, t.tx, projectID); err != nil {
		return err
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
