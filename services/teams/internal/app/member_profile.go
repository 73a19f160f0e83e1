package app

import (
	"context"

	"vestibule.dev/services/teams/internal/domain"
)

// MemberProfile is a user as a member of a team (teams.md §4).
type MemberProfile struct {
	domain.MemberProfile

	User User
	// SelectedTeam is what the user has selected; nil when that is none, or one
	// they are not a member of.
	SelectedTeam *domain.Team
}

// Name is what the member is called in the team.
func (p *MemberProfile) Name() *string {
	if p.DisplayName != nil {
		return p.DisplayName
	}
	return p.User.DisplayName
}

// Picture is what the member looks like in the team.
func (p *MemberProfile) Picture() *string {
	if p.ProfileImageURL != nil {
		return p.ProfileImageURL
	}
	return p.User.ProfileImageURL
}

// complete joins profiles with their users and, for servers, with the teams that
// those selected. Members whose user identity no longer knows are left out.
func (a *App) complete(ctx context.Context, req request, profiles []domain.MemberProfile) ([]MemberProfile, error) {
	userIDs := make([]string, 0, len(profiles))
	for _, profile := range profiles {
		userIDs = append(userIDs, profile.UserID)
	}
	users, err := a.users.Users(ctx, req.tenant, userIDs...)
	if err != nil {
		return nil, err
	}
	var teams map[string]domain.Team
	if !req.isClient() {
		selected := map[string]string{}
		for id, user := range users {
			if user.SelectedTeamID != nil {
				selected[id] = *user.SelectedTeamID
			}
		}
		if teams, err = a.store.SelectedTeams(ctx, req.tenant, selected); err != nil {
			return nil, err
		}
	}
	completed := make([]MemberProfile, 0, len(profiles))
	for _, profile := range profiles {
		user, ok := users[profile.UserID]
		if !ok {
			continue
		}
		whole := MemberProfile{MemberProfile: profile, User: user}
		if team, ok := teams[profile.UserID]; ok {
			whole.SelectedTeam = &team
		}
		completed = append(completed, whole)
	}
	return completed, nil
}
