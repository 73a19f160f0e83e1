package postgres

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
	"vestibule.dev/services/teams/internal/postgres/db"
)

// MemberIDs implements app.Directory.
func (s *Store) MemberIDs(ctx context.Context, tenant ids.Tenant, teamID string) ([]string, error) {
	return db.New(s.db.Querier(ctx)).MemberIDs(ctx, db.MemberIDsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, TeamID: teamID,
	})
}

// Memberships implements app.Directory.
func (s *Store) Memberships(ctx context.Context, tenant ids.Tenant, among []app.MembershipKey) ([]app.MembershipKey, error) {
	wanted := make(map[app.MembershipKey]bool, len(among))
	params := db.MembershipsAmongParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID}
	for _, key := range among {
		wanted[key] = true
		params.TeamIds = append(params.TeamIds, key.TeamID)
		params.UserIds = append(params.UserIds, key.UserID)
	}
	rows, err := db.New(s.db.Querier(ctx)).MembershipsAmong(ctx, params)
	if err != nil {
		return nil, err
	}
	var found []app.MembershipKey
	for _, row := range rows {
		if key := (app.MembershipKey{TeamID: row.TeamID, UserID: row.UserID}); wanted[key] {
			found = append(found, key)
		}
	}
	return found, nil
}

// Teams implements app.Directory.
func (s *Store) Teams(ctx context.Context, tenant ids.Tenant, teamIDs []string) ([]domain.Team, error) {
	rows, err := db.New(s.db.Querier(ctx)).TeamsAmong(ctx, db.TeamsAmongParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, TeamIds: teamIDs,
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
