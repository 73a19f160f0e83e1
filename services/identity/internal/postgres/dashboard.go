package postgres

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// UserFigures implements app.DashboardStore.
func (s *Store) UserFigures(ctx context.Context, tenant ids.Tenant, days int, includeAnonymous bool) (*app.UserFigures, error) {
	queries := s.queries(ctx)
	all, err := queries.UserFigures(ctx, db.UserFiguresParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID})
	if err != nil {
		return nil, err
	}
	daily, err := queries.DailyFigures(ctx, db.DailyFiguresParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Days: int32(days), IncludeAnonymous: includeAnonymous,
	})
	if err != nil {
		return nil, err
	}
	countries, err := queries.UsersByCountry(ctx, db.UsersByCountryParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, IncludeAnonymous: includeAnonymous,
	})
	if err != nil {
		return nil, err
	}
	methods, err := queries.LoginMethods(ctx, db.LoginMethodsParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID})
	if err != nil {
		return nil, err
	}
	figures := &app.UserFigures{
		Verified: int(all.VerifiedUsers), Unverified: int(all.UnverifiedUsers), Anonymous: int(all.AnonymousUsers),
		Restricted: int(all.RestrictedUsers), WithSecondFactor: int(all.MfaUsers), ByCountry: map[string]int{},
	}
	for _, row := range daily {
		figures.Days = append(figures.Days, app.DayFigures{Day: row.Day.Time, SignUps: int(row.SignUps), ActiveUsers: int(row.ActiveUsers)})
	}
	for _, row := range countries {
		figures.ByCountry[row.CountryCode] = int(row.Users)
	}
	for _, row := range methods {
		figures.Methods = append(figures.Methods, app.MethodFigure{Method: row.Method, Users: int(row.Users)})
	}
	return figures, nil
}

// UsersWithoutVerifiedEmail implements app.DashboardStore.
func (s *Store) UsersWithoutVerifiedEmail(ctx context.Context, tenant ids.Tenant, limit int) (first []app.AffectedUser, total int, err error) {
	rows, err := s.queries(ctx).UsersWithoutVerifiedEmail(ctx, db.UsersWithoutVerifiedEmailParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, MaxRows: int32(limit),
	})
	for _, row := range rows {
		first, total = append(first, app.AffectedUser{ID: row.ID, DisplayName: row.DisplayName, PrimaryEmail: row.PrimaryEmail}), int(row.Total)
	}
	return first, total, err
}

// keptDays is how long it is known on which days users were active.
const keptDays = 35

// ForgetActiveDays deletes what no figures are of any more.
func (s *Store) ForgetActiveDays(ctx context.Context) error {
	for {
		rows, err := s.queries(ctx).ForgetActiveDays(ctx, db.ForgetActiveDaysParams{Days: keptDays, Batch: forgetBatch})
		if err != nil || rows < forgetBatch {
			return err
		}
	}
}
