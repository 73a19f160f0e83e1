package clients

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// membershipBatch bounds the memberships of one call.
const membershipBatch = 500

// MemberIDs implements app.TeamDirectory.
func (t *Teams) MemberIDs(ctx context.Context, tenant ids.Tenant, teamID string) ([]string, error) {
	res, err := t.memberships.ListTeamUsers(ctx, &teamsv1.ListTeamUsersRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, TeamId: teamID,
	})
	return res.GetUserIds(), err
}

// Memberships implements app.TeamDirectory.
func (t *Teams) Memberships(ctx context.Context, tenant ids.Tenant, members []app.TeamMember) (map[app.TeamMember]*domain.Team, error) {
	found := make(map[app.TeamMember]*domain.Team, len(members))
	for batch := range slices.Chunk(members, membershipBatch) {
		if err := t.findMemberships(ctx, tenant, batch, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// findMemberships adds those of one batch, half by half when their teams do not
// fit into a message.
func (t *Teams) findMemberships(ctx context.Context, tenant ids.Tenant, batch []app.TeamMember, found map[app.TeamMember]*domain.Team) error {
	req := &teamsv1.BatchGetMembershipsRequest{ProjectId: tenant.ProjectID, BranchId: tenant.BranchID}
	for _, member := range batch {
		req.Memberships = append(req.Memberships, &teamsv1.Membership{TeamId: member.TeamID, UserId: member.UserID})
	}
	res, err := t.memberships.BatchGetMemberships(ctx, req)
	if refused, ok := errors.AsType[*apierr.Error](err); ok && refused.HTTP == http.StatusBadRequest && len(batch) > 1 {
		half := len(batch) / 2
		if err := t.findMemberships(ctx, tenant, batch[:half], found); err != nil {
			return err
		}
		return t.findMemberships(ctx, tenant, batch[half:], found)
	}
	if err != nil {
		return err
	}
	teams := make(map[string]*domain.Team, len(res.GetTeams()))
	for _, message := range res.GetTeams() {
		team, err := toTeam(message)
		if err != nil {
			return err
		}
		teams[team.ID] = team
	}
	for _, membership := range res.GetMemberships() {
		if team := teams[membership.GetTeamId()]; team != nil {
			found[app.TeamMember{TeamID: membership.GetTeamId(), UserID: membership.GetUserId()}] = team
		}
	}
	return nil
}
