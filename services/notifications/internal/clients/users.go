package clients

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/ids"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/notifications/internal/domain"
)

// usersTimeout bounds one question; the worker asks again later.
const usersTimeout = 3 * time.Second

// Users implements app.Users.
type Users struct {
	client identityv1.UserInternalServiceClient
}

// NewUsers returns the users that identity knows.
func NewUsers(conn grpc.ClientConnInterface) *Users {
	return &Users{client: identityv1.NewUserInternalServiceClient(conn)}
}

// Contacts implements app.Users.
func (u *Users) Contacts(ctx context.Context, tenant ids.Tenant, userIDs []string) (map[string]domain.Contact, error) {
	ctx, cancel := context.WithTimeout(ctx, usersTimeout)
	defer cancel()
	distinct := slices.Compact(slices.Sorted(slices.Values(userIDs)))
	res, err := u.client.ListUserContacts(ctx, &identityv1.ListUserContactsRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, UserIds: distinct,
	})
	if err != nil {
		return nil, err
	}
	contacts := make(map[string]domain.Contact, len(res.GetUsers()))
	for _, user := range res.GetUsers() {
		contact := domain.Contact{PrimaryEmail: user.GetPrimaryEmail().GetValue()}
		if name := user.GetDisplayName(); name != nil {
			value := name.GetValue()
			contact.DisplayName = &value
		}
		contacts[user.GetUserId()] = contact
	}
	return contacts, nil
}
