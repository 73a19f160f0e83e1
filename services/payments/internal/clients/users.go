package clients

import (
	"context"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/ids"
	identityv1 "vestibule.dev/proto/identity/v1"
)

// Users implements app.Users.
type Users struct {
	rpc identityv1.UserInternalServiceClient
}

// NewUsers returns the users of the identity context behind conn.
func NewUsers(conn grpc.ClientConnInterface) *Users {
	return &Users{rpc: identityv1.NewUserInternalServiceClient(conn)}
}

// UserExists implements app.Users.
func (u *Users) UserExists(ctx context.Context, tenant ids.Tenant, userID string) (bool, error) {
	res, err := u.rpc.ListUserContacts(ctx, &identityv1.ListUserContactsRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, UserIds: []string{userID},
	})
	return len(res.GetUsers()) > 0, err
}
