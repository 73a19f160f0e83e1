package grpcapi

import (
	"context"
	"net/http"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/apierr"
	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/userpb"
)

// maxUserPage bounds a page of users, in bytes: it must fit into one message.
const maxUserPage = 15 << 20

// ListUsers implements identityv1.UserAdminServiceServer.
func (s *UserAdmin) ListUsers(ctx context.Context, req *identityv1.ListUsersRequest) (*identityv1.ListUsersResponse, error) {
	page, err := s.app.ListUsers(ctx, app.UserListing{
		TeamID:            storedID(req.GetTeamId()),
		Limit:             int(req.GetLimit()),
		Cursor:            storedID(req.GetCursor()),
		Order:             app.UserOrder(req.GetOrderBy()),
		Desc:              isTrue(req.Desc),
		Search:            req.GetQuery(),
		IncludeRestricted: isTrue(req.IncludeRestricted),
		IncludeAnonymous:  isTrue(req.IncludeAnonymous),
		OnlyAnonymous:     isTrue(req.OnlyAnonymous),
	})
	if err != nil {
		return nil, err
	}
	res := &identityv1.ListUsersResponse{
		Items: make([]*identityv1.User, 0, len(page.Users)), IsPaginated: true, Pagination: &typesv1.Pagination{},
	}
	size := 0
	for i := range page.Users {
		user, err := userpb.Server(&page.Users[i])
		if err != nil {
			return nil, err
		}
		if size += proto.Size(user); size > maxUserPage && i > 0 {
			if req.Limit == nil {
				return nil, apierr.Text(http.StatusBadRequest, "The users are too large for one page: set limit and follow next_cursor.")
			}
			page.NextCursor = page.Users[i].ID
			break
		}
		res.Items = append(res.Items, user)
	}
	if page.NextCursor != "" {
		res.Pagination.NextCursor = wrapperspb.String(page.NextCursor)
	}
	return res, nil
}

// isTrue reads a flag of a query.
func isTrue(flag *string) bool { return flag != nil && *flag == "true" }
