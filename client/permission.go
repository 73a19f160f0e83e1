package client

import (
	"context"

	teamsv1 "vestibule.dev/proto/teams/v1"
)

// recursive asks for permissions that granted ones contain, too.
var recursive = "true"

// HasTeamPermission reports whether a user has a permission in a team, granted
// as such or contained in one that was granted, such as "$read_members" or one of
// the project's own. It is decided afresh at every call. Users outside the team
// have none.
func (c *Client) HasTeamPermission(ctx context.Context, teamID, userID, permission string) (bool, error) {
	found, err := teamsv1.NewPermissionServiceClient(c.Teams()).ListTeamPermissions(ctx, &teamsv1.ListTeamPermissionsRequest{
		TeamId: &teamID, UserId: &userID, PermissionId: &permission, Recursive: &recursive,
	})
	return len(found.GetItems()) > 0, err
}

// HasProjectPermission is [Client.HasTeamPermission] for permissions outside
// teams.
func (c *Client) HasProjectPermission(ctx context.Context, userID, permission string) (bool, error) {
	found, err := teamsv1.NewPermissionServiceClient(c.Teams()).ListProjectPermissions(ctx, &teamsv1.ListProjectPermissionsRequest{
		UserId: &userID, PermissionId: &permission, Recursive: &recursive,
	})
	return len(found.GetItems()) > 0, err
}
