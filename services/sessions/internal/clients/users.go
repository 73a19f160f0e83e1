package clients

import (
	"context"
	"slices"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/ids"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/sessions/internal/domain"
	"vestibule.dev/services/sessions/internal/identitypb"
)

// Users implements app.Users over identity.
type Users struct {
	client identityv1.UserInternalServiceClient
}

// NewUsers returns Users over a connection to identity.
func NewUsers(identity grpc.ClientConnInterface) *Users {
	return &Users{client: identityv1.NewUserInternalServiceClient(identity)}
}

// TokenSubject implements app.Users.
func (u *Users) TokenSubject(ctx context.Context, tenant ids.Tenant, userID string) (domain.Subject, error) {
	res, err := u.client.GetTokenSubject(ctx, &identityv1.GetTokenSubjectRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, UserId: userID,
	})
	if err != nil {
		return domain.Subject{}, err
	}
	return identitypb.Subject(res.GetSubject()), nil
}

// SignInSubject implements app.Users.
func (u *Users) SignInSubject(ctx context.Context, tenant ids.Tenant, userID, code string) (domain.Subject, error) {
	res, err := u.client.GetSignInSubject(ctx, &identityv1.GetSignInSubjectRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, UserId: userID, AuthorizationCode: code,
	})
	if err != nil {
		return domain.Subject{}, err
	}
	return identitypb.Subject(res.GetSubject()), nil
}

// UserExists implements app.Users.
func (u *Users) UserExists(ctx context.Context, tenant ids.Tenant, userID string) (bool, error) {
	res, err := u.client.ListUserContacts(ctx, &identityv1.ListUserContactsRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, UserIds: []string{userID},
	})
	return len(res.GetUsers()) > 0, err
}

// contactsAtOnce is how many users are asked about in one call.
const contactsAtOnce = 1000

// PrimaryEmails implements app.Users.
func (u *Users) PrimaryEmails(ctx context.Context, tenant ids.Tenant, userIDs []string) (map[string]string, error) {
	emails := make(map[string]string, len(userIDs))
	for batch := range slices.Chunk(userIDs, contactsAtOnce) {
		res, err := u.client.ListUserContacts(ctx, &identityv1.ListUserContactsRequest{
			ProjectId: tenant.ProjectID, BranchId: tenant.BranchID, UserIds: batch,
		})
		if err != nil {
			return nil, err
		}
		for _, user := range res.GetUsers() {
			if email := user.GetPrimaryEmail().GetValue(); email != "" {
				emails[user.GetUserId()] = email
			}
		}
	}
	return emails, nil
}
