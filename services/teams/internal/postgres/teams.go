package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
	"vestibule.dev/services/teams/internal/postgres/db"
)

// Team implements app.Store.
func (s *Store) Team(ctx context.Context, tenant ids.Tenant, teamID string) (*domain.Team, error) {
	row, err := s.queries(ctx).Team(ctx, db.TeamParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: teamID})
	return found(row, err, toTeam)
}

// ListTeams implements app.Store.
func (s *Store) ListTeams(ctx context.Context, tenant ids.Tenant, filter app.TeamFilter) ([]domain.Team, error) {
	params := db.TeamsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: filter.UserID, Query: filter.Query, Cursor: filter.Cursor,
	}
	if filter.Limit > 0 {
		params.MaxRows = new(int64(filter.Limit))
	}
	if filter.UserID != nil && filter == (app.TeamFilter{UserID: filter.UserID, Limit: filter.Limit}) {
		rows, err := s.queries(ctx).TeamsOfMember(ctx, db.TeamsOfMemberParams{
			ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: *filter.UserID, MaxRows: params.MaxRows,
		})
		return all(rows, err, func(row db.TeamsOfMemberRow) domain.Team { return toTeam(row.Team) })
	}
	if filter.NewestFirst {
		rows, err := s.queries(ctx).TeamsNewestFirst(ctx, db.TeamsNewestFirstParams(params))
		return all(rows, err, toTeam)
	}
	rows, err := s.queries(ctx).Teams(ctx, params)
	return all(rows, err, toTeam)
}

// TeamIDsOfMember implements app.Store.
func (s *Store) TeamIDsOfMember(ctx context.Context, tenant ids.Tenant, userID string) ([]string, error) {
	return s.queries(ctx).TeamIDsOfMember(ctx, db.TeamIDsOfMemberParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	})
}

// SelectedTeams implements app.Store.
func (s *Store) SelectedTeams(ctx context.Context, tenant ids.Tenant, selected map[string]string) (map[string]domain.Team, error) {
	if len(selected) == 0 {
		return nil, nil
	}
	params := db.SelectedTeamsParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID}
	for userID, teamID := range selected {
		params.UserIds, params.TeamIds = append(params.UserIds, userID), append(params.TeamIds, teamID)
	}
	rows, err := s.queries(ctx).SelectedTeams(ctx, params)
	if err != nil {
		return nil, err
	}
	teams := make(map[string]domain.Team, len(rows))
	for _, row := range rows {
		teams[row.UserID] = toTeam(row.Team)
	}
	return teams, nil
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

func (t *tx) LockTeam(ctx context.Context, tenant ids.Tenant, teamID string) (*domain.Team, error) {
	row, err := t.queries.LockTeam(ctx, db.LockTeamParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: teamID})
	return found(row, err, toTeam)
}

func (t *tx) UpdateTeam(ctx context.Context, team *domain.Team) error {
	return t.queries.UpdateTeam(ctx, db.UpdateTeamParams{
		ProjectID:              team.ProjectID,
		BranchID:               team.BranchID,
		ID:                     team.ID,
		DisplayName:            team.DisplayName,
		ProfileImageUrl:        team.ProfileImageURL,
		ClientMetadata:         team.ClientMetadata,
		ClientReadOnlyMetadata: team.ClientReadOnlyMetadata,
		ServerMetadata:         team.ServerMetadata,
		Version:                team.Version,
	})
}

func (t *tx) DeleteTeam(ctx context.Context, tenant ids.Tenant, teamID string) (version int64, userIDs []string, err error) {
	if err := t.queries.LockMembers(ctx, db.LockMembersParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, TeamID: teamID,
	}); err != nil {
		return 0, nil, err
	}
	row, err := t.queries.DeleteTeam(ctx, db.DeleteTeamParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, TeamID: teamID})
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil, nil
	}
	return row.Version, row.UserIds, err
}

func (t *tx) RenameTeams(ctx context.Context, tenant ids.Tenant, userID, from, to string) ([]domain.Team, error) {
	rows, err := t.queries.RenameTeams(ctx, db.RenameTeamsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, FromName: from, ToName: to,
	})
	return all(rows, err, toTeam)
}
