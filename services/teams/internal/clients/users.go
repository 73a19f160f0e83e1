package clients

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pbjson"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/teams/internal/app"
)

// usersAtOnce bounds one question, so that the answer fits into a message.
const usersAtOnce = 200

// Users implements app.Users.
type Users struct {
	rpc identityv1.UserInternalServiceClient
}

// NewUsers returns the users of the identity context behind conn.
func NewUsers(conn grpc.ClientConnInterface) *Users {
	return &Users{rpc: identityv1.NewUserInternalServiceClient(conn)}
}

// Users implements app.Users.
func (u *Users) Users(ctx context.Context, tenant ids.Tenant, userIDs ...string) (map[string]app.User, error) {
	found := make(map[string]app.User, len(userIDs))
	wanted := slices.Clone(userIDs)
	slices.Sort(wanted)
	for batch := range slices.Chunk(slices.Compact(wanted), usersAtOnce) {
		res, err := u.rpc.ListUsersById(ctx, &identityv1.ListUsersByIdRequest{
			ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, UserIds: batch,
		})
		if err != nil {
			return nil, err
		}
		for _, message := range res.GetUsers() {
			user := app.User{
				ID:               message.GetId(),
				DisplayName:      text(message.GetDisplayName()),
				ProfileImageURL:  text(message.GetProfileImageUrl()),
				RestrictedReason: message.GetRestrictedReason().GetType(),
				SelectedTeamID:   text(message.GetSelectedTeamId()),
			}
			if user.Representation, err = pbjson.Marshal(message); err != nil {
				return nil, err
			}
			found[user.ID] = user
		}
	}
	return found, nil
}

// VerifiedEmails implements app.Users.
func (u *Users) VerifiedEmails(ctx context.Context, tenant ids.Tenant, userID string) ([]string, error) {
	res, err := u.rpc.ListVerifiedEmails(ctx, &identityv1.ListVerifiedEmailsRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, UserIds: []string{userID},
	})
	if err != nil || len(res.GetUsers()) == 0 {
		return nil, err
	}
	return res.GetUsers()[0].GetEmails(), nil
}

func text(value *wrapperspb.StringValue) *string {
	if value == nil {
		return nil
	}
	return new(value.GetValue())
}
