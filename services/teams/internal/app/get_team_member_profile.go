package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/teams/internal/domain"
)

// GetTeamMemberProfile reads a user as a member of a team (teams.md §4). Clients
// read their own and, with $read_members, those of others.
func (a *App) GetTeamMemberProfile(ctx context.Context, teamID, userID string) (*MemberProfile, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if req.isClient() {
		if !req.SignedIn() {
			return nil, apierr.CannotGetOwnUserWithoutUser()
		}
		var permissions []string
		if !req.isSelf(userID) {
			permissions = append(permissions, domain.ReadMembers)
		}
		if _, err := a.authorizeRead(ctx, req, teamID, apierr.CannotGetOwnUserWithoutUser(), permissions...); err != nil {
			return nil, err
		}
	}
	profiles, err := a.store.MemberProfiles(ctx, req.tenant, &teamID, &userID, 1)
	if err != nil {
		return nil, err
	}
	return a.onlyProfile(ctx, req, teamID, userID, profiles)
}

// onlyProfile completes the profile of a member, if there is one. Clients are
// not told which users exist outside their team.
func (a *App) onlyProfile(ctx context.Context, req request, teamID, userID string, profiles []domain.MemberProfile) (*MemberProfile, error) {
	completed, err := a.complete(ctx, req, profiles)
	switch {
	case err != nil:
		return nil, err
	case len(completed) > 0:
		return &completed[0], nil
	case req.isClient():
		return nil, apierr.TeamMembershipNotFound(teamID, userID)
	}
	return nil, a.noSuchMember(ctx, req, teamID, userID)
}
