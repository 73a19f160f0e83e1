package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/teams/internal/domain"
)

const (
	// maxProfiles bounds the profiles in one answer.
	maxProfiles = 25_000
	// maxWholeProfiles is the same of those that servers see, which are several
	// times as large: a user comes with each.
	maxWholeProfiles = 10_000
)

// ListTeamMemberProfiles lists members by the time of joining, of one team and
// of one user unless nil (teams.md §4). Clients name a team of theirs and, to
// see others, need $read_members.
func (a *App) ListTeamMemberProfiles(ctx context.Context, teamID, userID *string) ([]MemberProfile, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if req.isClient() {
		err = a.checkProfilesClient(ctx, req, teamID, userID)
	} else {
		err = a.checkProfilesServer(ctx, req, teamID, userID)
	}
	if err != nil {
		return nil, err
	}
	limit := maxProfiles
	if !req.isClient() {
		limit = maxWholeProfiles
	}
	profiles, err := a.store.MemberProfiles(ctx, req.tenant, teamID, userID, limit+1)
	if err != nil {
		return nil, err
	}
	if len(profiles) > limit {
		return nil, errTooMany()
	}
	return a.complete(ctx, req, profiles)
}

func (a *App) checkProfilesClient(ctx context.Context, req request, teamID, userID *string) error {
	switch {
	case !req.SignedIn():
		return apierr.CannotGetOwnUserWithoutUser()
	case teamID == nil:
		if err := a.checkCaller(ctx, req, apierr.CannotGetOwnUserWithoutUser()); err != nil {
			return err
		}
		return apierr.Text(http.StatusBadRequest, "Clients must name the team with team_id.")
	}
	var permissions []string
	if userID == nil || !req.isSelf(*userID) {
		permissions = append(permissions, domain.ReadMembers)
	}
	_, err := a.authorizeRead(ctx, req, *teamID, apierr.CannotGetOwnUserWithoutUser(), permissions...)
	return err
}

func (a *App) checkProfilesServer(ctx context.Context, req request, teamID, userID *string) error {
	if err := a.checkOwn(ctx, req, userID); err != nil {
		return err
	}
	if teamID != nil {
		if _, err := a.requireTeam(ctx, req, *teamID); err != nil {
			return err
		}
	}
	if userID != nil {
		return a.requireUser(ctx, req, *userID)
	}
	return nil
}
