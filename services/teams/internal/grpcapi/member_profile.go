package grpcapi

import (
	"context"

	"vestibule.dev/pkg/pbpatch"
	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/teams/internal/app"
)

// MemberProfiles implements teamsv1.TeamMemberProfileServiceServer.
type MemberProfiles struct {
	teamsv1.UnimplementedTeamMemberProfileServiceServer
	app *app.App
}

// ListTeamMemberProfiles implements teamsv1.TeamMemberProfileServiceServer.
func (s *MemberProfiles) ListTeamMemberProfiles(ctx context.Context, req *teamsv1.ListTeamMemberProfilesRequest) (*teamsv1.ListTeamMemberProfilesResponse, error) {
	profiles, err := s.app.ListTeamMemberProfiles(ctx, optionalUUID(req.TeamId), optionalUUID(req.UserId))
	if err != nil {
		return nil, err
	}
	res := &teamsv1.ListTeamMemberProfilesResponse{}
	for i := range profiles {
		profile, err := profileFor(access(ctx), &profiles[i])
		if err != nil {
			return nil, err
		}
		res.Items = append(res.Items, profile)
	}
	return res, nil
}

// GetTeamMemberProfile implements teamsv1.TeamMemberProfileServiceServer.
func (s *MemberProfiles) GetTeamMemberProfile(ctx context.Context, req *teamsv1.GetTeamMemberProfileRequest) (*teamsv1.TeamMemberProfile, error) {
	profile, err := s.app.GetTeamMemberProfile(ctx, uuid(req.GetTeamId()), uuid(req.GetUserId()))
	if err != nil {
		return nil, err
	}
	return profileFor(access(ctx), profile)
}

// UpdateTeamMemberProfile implements teamsv1.TeamMemberProfileServiceServer.
func (s *MemberProfiles) UpdateTeamMemberProfile(ctx context.Context, req *teamsv1.UpdateTeamMemberProfileRequest) (*teamsv1.TeamMemberProfile, error) {
	body := req.GetProfile()
	present, err := pbpatch.New(req.GetUpdateMask(), body, access(ctx))
	if err != nil {
		return nil, err
	}
	profile, err := s.app.UpdateTeamMemberProfile(ctx, uuid(req.GetTeamId()), uuid(req.GetUserId()), app.MemberProfilePatch{
		DisplayName:     present.Word("display_name", body.DisplayName),
		ProfileImageURL: present.Text("profile_image_url", body.GetProfileImageUrl()),
	})
	if err != nil {
		return nil, err
	}
	return profileFor(access(ctx), profile)
}
