package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/outbox"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
	"vestibule.dev/services/teams/internal/postgres/db"
)

// tx implements app.Tx.
type tx struct {
	tx      pgx.Tx
	queries *db.Queries
	encode  Encode
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

func (t *tx) CreateTeam(ctx context.Context, team *domain.Team) (created bool, err error) {
	row, err := t.queries.CreateTeam(ctx, db.CreateTeamParams{
		ProjectID:              team.ProjectID,
		BranchID:               team.BranchID,
		ID:                     team.ID,
		DisplayName:            team.DisplayName,
		ProfileImageUrl:        team.ProfileImageURL,
		ClientMetadata:         team.ClientMetadata,
		ClientReadOnlyMetadata: team.ClientReadOnlyMetadata,
		ServerMetadata:         team.ServerMetadata,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	team.Version, team.CreatedAt = row.Version, row.CreatedAt
	return true, nil
}

func (t *tx) CreateMembership(ctx context.Context, membership domain.Membership) (created bool, err error) {
	rows, err := t.queries.CreateMembership(ctx, db.CreateMembershipParams{
		ProjectID: membership.ProjectID, BranchID: membership.BranchID, TeamID: membership.TeamID, UserID: membership.UserID,
	})
	return rows == 1, err
}

func (t *tx) GrantTeamPermissions(ctx context.Context, membership domain.Membership, configVersion int64, permissionIDs ...string) error {
	if len(permissionIDs) == 0 {
		return nil
	}
	_, err := t.queries.GrantTeamPermissions(ctx, db.GrantTeamPermissionsParams{
		ProjectID: membership.ProjectID, BranchID: membership.BranchID, TeamID: membership.TeamID, UserID: membership.UserID,
		ConfigVersion: configVersion, PermissionIds: permissionIDs,
	})
	return err
}

func (t *tx) GrantProjectPermissions(ctx context.Context, tenant ids.Tenant, userID string, configVersion int64, permissionIDs ...string) error {
	if len(permissionIDs) == 0 {
		return nil
	}
	_, err := t.queries.GrantProjectPermissions(ctx, db.GrantProjectPermissionsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
		ConfigVersion: configVersion, PermissionIds: permissionIDs,
	})
	return err
}

func (t *tx) RememberProvisioned(ctx context.Context, tenant ids.Tenant, userID string) (first bool, err error) {
	rows, err := t.queries.RememberProvisionedUser(ctx, db.RememberProvisionedUserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	})
	return rows == 1, err
}

func (t *tx) RenameTeams(ctx context.Context, tenant ids.Tenant, userID, from, to string) ([]domain.Team, error) {
	rows, err := t.queries.RenameTeams(ctx, db.RenameTeamsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, FromName: from, ToName: to,
	})
	if err != nil {
		return nil, err
	}
	teams := make([]domain.Team, 0, len(rows))
	for _, row := range rows {
		teams = append(teams, toTeam(row))
	}
	return teams, nil
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

func (t *tx) PurgeProject(ctx context.Context, projectID string) error {
	for _, step := range []func(context.Context, string) error{
		t.queries.LockProject, t.queries.RememberDeletedProject,
		t.queries.PurgeTeams, t.queries.PurgeProjectPermissions, t.queries.PurgeProvisionedUsers, t.queries.PurgeDeletedUsers,
	} {
		if err := step(ctx, projectID); err != nil {
			return err
		}
	}
	return nil
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
