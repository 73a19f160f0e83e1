package postgres

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
	"vestibule.dev/services/teams/internal/postgres/db"
)

// Membership implements app.Store.
func (s *Store) Membership(ctx context.Context, tenant ids.Tenant, teamID, userID string) (*app.Membership, error) {
	row, err := s.queries(ctx).Membership(ctx, db.MembershipParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, TeamID: teamID, UserID: userID,
	})
	return found(row, err, func(row db.MembershipRow) app.Membership {
		return app.Membership{Team: toTeam(row.Team), Granted: row.Granted}
	})
}

// TeamMembers implements app.Store.
func (s *Store) TeamMembers(ctx context.Context, tenant ids.Tenant, teamID string) ([]string, error) {
	return s.queries(ctx).TeamMembers(ctx, db.TeamMembersParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, TeamID: teamID})
}

// MemberProfiles implements app.Store.
func (s *Store) MemberProfiles(ctx context.Context, tenant ids.Tenant, teamID, userID *string, limit int) ([]domain.MemberProfile, error) {
	rows, err := s.queries(ctx).MemberProfiles(ctx, db.MemberProfilesParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, TeamID: teamID, UserID: userID, MaxRows: int64(limit),
	})
	return all(rows, err, func(row db.MemberProfilesRow) domain.MemberProfile {
		return domain.MemberProfile{
			Membership:  domain.Membership{Tenant: tenant, TeamID: row.TeamID, UserID: row.UserID},
			DisplayName: row.DisplayName, ProfileImageURL: row.ProfileImageUrl,
		}
	})
}

func (t *tx) LockMembership(ctx context.Context, membership domain.Membership) (granted []string, member bool, err error) {
	row, err := t.queries.LockMembership(ctx, db.LockMembershipParams{
		ProjectID: membership.ProjectID, BranchID: membership.BranchID, TeamID: membership.TeamID, UserID: membership.UserID,
	})
	return row.Granted, row.Member, err
}

func (t *tx) CreateMembership(ctx context.Context, membership domain.Membership) (created bool, err error) {
	rows, err := t.queries.CreateMembership(ctx, db.CreateMembershipParams{
		ProjectID: membership.ProjectID, BranchID: membership.BranchID, TeamID: membership.TeamID, UserID: membership.UserID,
	})
	if pg.ConstraintName(err) == "team_memberships_team_id_fk" {
		return false, apierr.TeamNotFound(membership.TeamID)
	}
	return rows == 1, err
}

func (t *tx) DeleteMembership(ctx context.Context, membership domain.Membership) (deleted bool, err error) {
	rows, err := t.queries.DeleteMembership(ctx, db.DeleteMembershipParams{
		ProjectID: membership.ProjectID, BranchID: membership.BranchID, TeamID: membership.TeamID, UserID: membership.UserID,
	})
	return rows == 1, err
}

func (t *tx) UpdateMemberProfile(ctx context.Context, membership domain.Membership, displayName, profileImageURL patch.Field[string]) (*domain.MemberProfile, error) {
	row, err := t.queries.UpdateMemberProfile(ctx, db.UpdateMemberProfileParams{
		ProjectID: membership.ProjectID, BranchID: membership.BranchID, TeamID: membership.TeamID, UserID: membership.UserID,
		SetDisplayName: displayName.IsSet(), DisplayName: displayName.OrPointer(nil),
		SetProfileImageUrl: profileImageURL.IsSet(), ProfileImageUrl: profileImageURL.OrPointer(nil),
	})
	return found(row, err, func(row db.UpdateMemberProfileRow) domain.MemberProfile {
		return domain.MemberProfile{Membership: membership, DisplayName: row.DisplayName, ProfileImageURL: row.ProfileImageUrl}
	})
}
