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

// usersAtOnce is how many users one question is about.
const usersAtOnce = 1000

// Users implements app.Users.
type Users struct {
	client    identityv1.UserInternalServiceClient
	directory identityv1.MailInternalServiceClient
}

// NewUsers returns the users that identity knows.
func NewUsers(conn grpc.ClientConnInterface) *Users {
	return &Users{client: identityv1.NewUserInternalServiceClient(conn), directory: identityv1.NewMailInternalServiceClient(conn)}
}

// Contacts implements app.Users.
func (u *Users) Contacts(ctx context.Context, tenant ids.Tenant, userIDs []string) (map[string]domain.Contact, error) {
	contacts := make(map[string]domain.Contact, len(userIDs))
	distinct := slices.Compact(slices.Sorted(slices.Values(userIDs)))
	for batch := range slices.Chunk(distinct, usersAtOnce) {
		if err := u.contacts(ctx, tenant, batch, contacts); err != nil {
			return nil, err
		}
	}
	return contacts, nil
}

func (u *Users) contacts(ctx context.Context, tenant ids.Tenant, userIDs []string, into map[string]domain.Contact) error {
	ctx, cancel := context.WithTimeout(ctx, usersTimeout)
	defer cancel()
	res, err := u.client.ListUserContacts(ctx, &identityv1.ListUserContactsRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, UserIds: userIDs,
	})
	if err != nil {
		return err
	}
	for _, user := range res.GetUsers() {
		contact := domain.Contact{PrimaryEmail: user.GetPrimaryEmail().GetValue()}
		if name := user.GetDisplayName(); name != nil {
			value := name.GetValue()
			contact.DisplayName = &value
		}
		into[user.GetUserId()] = contact
	}
	return nil
}

// Owners implements app.Users.
func (u *Users) Owners(ctx context.Context, projectID string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, usersTimeout)
	defer cancel()
	res, err := u.directory.ListProjectOwners(ctx, &identityv1.ListProjectOwnersRequest{ProjectId: projectID})
	return res.GetPrimaryEmails(), err
}

// UserIDs implements app.Users.
func (u *Users) UserIDs(ctx context.Context, tenant ids.Tenant, after string, limit int) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, usersTimeout)
	defer cancel()
	res, err := u.directory.ListUserIDs(ctx, &identityv1.ListUserIDsRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, After: after, Limit: int32(limit),
	})
	return res.GetUserIds(), err
}
