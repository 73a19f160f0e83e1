package app

import (
	"context"

	"vestibule.dev/services/identity/internal/domain"
)

const (
	// metricDays is how many days figures are of (projects.md §12).
	metricDays = 30
	// metricUsers is how many users stand for the latest ones.
	metricUsers = 5
)

// Metrics are what the operators of a project see of its users as a whole.
type Metrics struct {
	UserFigures

	TotalUsers                         int
	RecentlyRegistered, RecentlyActive []UserView
}

// GetMetrics counts the users of the project (projects.md §12).
func (a *App) GetMetrics(ctx context.Context, includeAnonymous bool) (*Metrics, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	figures, err := a.store.UserFigures(ctx, req.tenant, metricDays, includeAnonymous)
	if err != nil {
		return nil, err
	}
	metrics := &Metrics{UserFigures: *figures, TotalUsers: figures.Verified + figures.Unverified}
	if includeAnonymous {
		metrics.TotalUsers += figures.Anonymous
	}
	for order, latest := range map[UserOrder]*[]UserView{
		BySignedUpAt: &metrics.RecentlyRegistered, ByLastActiveAt: &metrics.RecentlyActive,
	} {
		page, err := a.ListUsers(ctx, UserListing{
			Limit: metricUsers, Order: order, Desc: true, IncludeRestricted: true, IncludeAnonymous: includeAnonymous,
		})
		if err != nil {
			return nil, err
		}
		*latest = page.Users
	}
	return metrics, nil
}

// PreviewAffectedUsers tells whom it would restrict who is not restricted now
// if verified addresses were required or not (projects.md §12); nil leaves that
// as it is. At most limit users are listed.
func (a *App) PreviewAffectedUsers(ctx context.Context, requireEmailVerification *bool, limit int) (first []AffectedUser, total int, err error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, 0, err
	}
	if requireEmailVerification == nil || !*requireEmailVerification || req.config.Onboarding.RequireEmailVerification {
		return nil, 0, nil
	}
	first, total, err = a.store.UsersWithoutVerifiedEmail(ctx, req.tenant, limit)
	for i := range first {
		first[i].Reason = domain.RestrictedEmailNotVerified
	}
	return first, total, err
}
