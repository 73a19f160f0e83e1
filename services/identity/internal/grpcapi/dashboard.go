package grpcapi

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/userpb"
)

const (
	// previewedUsers is how many users a preview lists when nobody says.
	previewedUsers = 10
	// maxLatestUsers bounds the latest users, in bytes: the lists of them must
	// fit into one message.
	maxLatestUsers = 7 << 20
)

// Dashboard implements identityv1.DashboardServiceServer.
type Dashboard struct {
	identityv1.UnimplementedDashboardServiceServer
	app *app.App
}

// GetMetrics implements identityv1.DashboardServiceServer.
func (s *Dashboard) GetMetrics(ctx context.Context, req *identityv1.GetMetricsRequest) (*identityv1.Metrics, error) {
	metrics, err := s.app.GetMetrics(ctx, isTrue(req.IncludeAnonymous))
	if err != nil {
		return nil, err
	}
	res := &identityv1.Metrics{
		TotalUsers:     int32(metrics.TotalUsers),
		UsersByCountry: make(map[string]int32, len(metrics.ByCountry)),
		AuthOverview: &identityv1.AuthOverview{
			VerifiedUsers:   int32(metrics.Verified),
			UnverifiedUsers: int32(metrics.Unverified),
			AnonymousUsers:  int32(metrics.Anonymous),
			RestrictedUsers: int32(metrics.Restricted),
			MfaUsers:        int32(metrics.WithSecondFactor),
		},
	}
	for _, day := range metrics.Days {
		date := day.Day.Format(time.DateOnly)
		res.DailyUsers = append(res.DailyUsers, &identityv1.DailyActivity{Date: date, Activity: int32(day.SignUps)})
		res.DailyActiveUsers = append(res.DailyActiveUsers, &identityv1.DailyActivity{Date: date, Activity: int32(day.ActiveUsers)})
	}
	for country, users := range metrics.ByCountry {
		res.UsersByCountry[country] = int32(users)
	}
	for _, method := range metrics.Methods {
		res.LoginMethods = append(res.LoginMethods, &identityv1.LoginMethod{Method: method.Method, Count: int32(method.Users)})
	}
	if res.RecentlyRegistered, err = serverUsers(metrics.RecentlyRegistered); err != nil {
		return nil, err
	}
	res.RecentlyActive, err = serverUsers(metrics.RecentlyActive)
	return res, err
}

// PreviewAffectedUsers implements identityv1.DashboardServiceServer.
func (s *Dashboard) PreviewAffectedUsers(ctx context.Context, req *identityv1.PreviewAffectedUsersRequest) (*identityv1.PreviewAffectedUsersResponse, error) {
	limit := previewedUsers
	if req.Limit != nil {
		limit = int(req.GetLimit())
	}
	users, total, err := s.app.PreviewAffectedUsers(ctx, req.GetPreview().GetOnboarding().RequireEmailVerification, limit)
	if err != nil {
		return nil, err
	}
	res := &identityv1.PreviewAffectedUsersResponse{TotalAffectedCount: int32(total)}
	for _, user := range users {
		res.AffectedUsers = append(res.AffectedUsers, &identityv1.AffectedUser{
			Id: user.ID, DisplayName: text(user.DisplayName), PrimaryEmail: text(user.PrimaryEmail),
			RestrictedReason: &typesv1.RestrictedReason{Type: user.Reason},
		})
	}
	return res, nil
}

// serverUsers are the first of the users, as servers see them.
func serverUsers(users []app.UserView) ([]*identityv1.User, error) {
	messages := make([]*identityv1.User, 0, len(users))
	size := 0
	for i := range users {
		message, err := userpb.Server(&users[i])
		if err != nil {
			return nil, err
		}
		if size += proto.Size(message); size > maxLatestUsers {
			break
		}
		messages = append(messages, message)
	}
	return messages, nil
}
