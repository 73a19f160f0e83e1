package app

import (
	"context"

	"vestibule.dev/pkg/patch"
	"vestibule.dev/services/teams/internal/domain"
)

// MemberProfilePatch holds the fields of a profile that change. The name cannot
// become null.
type MemberProfilePatch struct {
	DisplayName     patch.Field[string]
	ProfileImageURL patch.Field[string]
}

// UpdateTeamMemberProfile changes what a member is called and looks like in a
// team (teams.md §4). Clients change their own.
func (a *App) UpdateTeamMemberProfile(ctx context.Context, teamID, userID string, fields MemberProfilePatch) (*MemberProfile, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if req.isClient() {
		if err := a.requireSelf(ctx, req, &userID, "Clients may change the profile of their own user only."); err != nil {
			return nil, err
		}
	}
	imageURL, image, err := a.readImagePatch(fields.ProfileImageURL, domain.TeamMemberProfileImages)
	if err != nil {
		return nil, err
	}
	var profiles []domain.MemberProfile
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		profiles = nil
		if err := req.enter(ctx, tx); err != nil {
			return err
		}
		membership := domain.Membership{Tenant: req.tenant, TeamID: teamID, UserID: userID}
		profile, err := tx.UpdateMemberProfile(ctx, membership, fields.DisplayName, imageURL)
		if err != nil || profile == nil {
			return err
		}
		profiles = append(profiles, *profile)
		if !imageURL.IsSet() {
			return nil
		}
		return tx.SaveImage(ctx, ImageOwner{Tenant: req.tenant, TeamID: teamID, UserID: &userID}, image)
	})
	if err != nil {
		return nil, err
	}
	if len(profiles) == 0 {
		if err := a.checkOwn(ctx, req, &userID); err != nil {
			return nil, err
		}
	}
	return a.onlyProfile(ctx, req, teamID, userID, profiles)
}
