package postgres

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
	"vestibule.dev/services/teams/internal/postgres/db"
)

// TeamGrants implements app.Store.
func (s *Store) TeamGrants(ctx context.Context, tenant ids.Tenant, teamID, userID *string, limit int) ([]app.Grants, error) {
	rows, err := s.queries(ctx).TeamGrants(ctx, db.TeamGrantsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, TeamID: teamID, UserID: userID, MaxRows: int64(limit),
	})
	return all(rows, err, func(row db.TeamGrantsRow) app.Grants {
		return app.Grants{TeamID: row.TeamID, UserID: row.UserID, PermissionIDs: row.Granted}
	})
}

// ProjectGrants implements app.Store.
func (s *Store) ProjectGrants(ctx context.Context, tenant ids.Tenant, userID *string, limit int) ([]app.Grants, error) {
	rows, err := s.queries(ctx).ProjectGrants(ctx, db.ProjectGrantsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, MaxRows: int64(limit),
	})
	return all(rows, err, func(row db.ProjectGrantsRow) app.Grants {
		return app.Grants{UserID: row.UserID, PermissionIDs: row.Granted}
	})
}

func (t *tx) GrantTeamPermissions(ctx context.Context, membership domain.Membership, configVersion int64, permissionIDs ...string) (held []string, err error) {
	if len(permissionIDs) == 0 {
		return nil, nil
	}
	return t.queries.GrantTeamPermissions(ctx, db.GrantTeamPermissionsParams{
		ProjectID: membership.ProjectID, BranchID: membership.BranchID, TeamID: membership.TeamID, UserID: membership.UserID,
		ConfigVersion: configVersion, PermissionIds: permissionIDs,
	})
}

func (t *tx) GrantProjectPermissions(ctx context.Context, tenant ids.Tenant, userID string, configVersion int64, permissionIDs ...string) (held []string, err error) {
	if len(permissionIDs) == 0 {
		return nil, nil
	}
	return t.queries.GrantProjectPermissions(ctx, db.GrantProjectPermissionsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
		ConfigVersion: configVersion, PermissionIds: permissionIDs,
	})
}

func (t *tx) RevokeTeamPermission(ctx context.Context, membership domain.Membership, permissionID string) (revoked bool, err error) {
	rows, err := t.queries.RevokeTeamPermission(ctx, db.RevokeTeamPermissionParams{
		ProjectID: membership.ProjectID, BranchID: membership.BranchID, TeamID: membership.TeamID, UserID: membership.UserID,
		PermissionID: permissionID,
	})
	return rows == 1, err
}

func (t *tx) RevokeProjectPermission(ctx context.Context, tenant ids.Tenant, userID, permissionID string) (revoked bool, err error) {
	rows, err := t.queries.RevokeProjectPermission(ctx, db.RevokeProjectPermissionParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, PermissionID: permissionID,
	})
	return rows == 1, err
}

// EndPermission waits for the grants that are under way, so that each of them
// either is found here or finds the permission ended.
func (t *tx) EndPermission(ctx context.Context, tenant ids.Tenant, end app.PermissionEnd) error {
	if err := t.queries.LockProject(ctx, tenant.ProjectID); err != nil {
		return err
	}
	deleted, err := t.queries.ProjectDeleted(ctx, tenant.ProjectID)
	if err != nil || deleted {
		return err
	}
	if err := t.queries.RememberEndedPermission(ctx, db.RememberEndedPermissionParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, PermissionID: end.PermissionID, Version: end.Version,
	}); err != nil {
		return err
	}
	inTeams, err := t.queries.TakeTeamGrants(ctx, db.TakeTeamGrantsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, PermissionID: end.PermissionID, Version: end.Version,
	})
	if err != nil {
		return err
	}
	inProject, err := t.queries.TakeProjectGrants(ctx, db.TakeProjectGrantsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, PermissionID: end.PermissionID, Version: end.Version,
	})
	if err != nil || end.RenamedTo == "" {
		return err
	}
	given := db.GiveTeamGrantsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, PermissionID: end.RenamedTo, Version: end.Version,
	}
	for _, grant := range inTeams {
		given.TeamIds, given.UserIds = append(given.TeamIds, grant.TeamID), append(given.UserIds, grant.UserID)
	}
	if err := t.queries.GiveTeamGrants(ctx, given); err != nil {
		return err
	}
	return t.queries.GiveProjectGrants(ctx, db.GiveProjectGrantsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, PermissionID: end.RenamedTo, Version: end.Version, UserIds: inProject,
	})
}
