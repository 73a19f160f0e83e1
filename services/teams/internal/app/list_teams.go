package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/teams/internal/domain"
)

// maxTeamPage is the largest page of a list of teams.
const maxTeamPage = 200

// TeamPage is a list of teams.
type TeamPage struct {
	Teams []domain.Team
	// Paginated says that the list has pages of a limited size.
	Paginated bool
	// NextCursor is the first team of the next page; nil on the last.
	NextCursor *string
}

// ListTeams lists teams by creation (teams.md §2.1). Clients list those of their
// own user.
func (a *App) ListTeams(ctx context.Context, filter TeamFilter) (*TeamPage, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if req.isClient() {
		switch {
		case !req.SignedIn():
			return nil, apierr.CannotGetOwnUserWithoutUser()
		case filter.UserID == nil || !req.isSelf(*filter.UserID):
			return nil, apierr.Text(http.StatusForbidden, "Clients may list the teams of their own user only.")
		}
	}
	if filter.Cursor != nil && filter.Limit == 0 {
		return nil, apierr.SchemaError("query.cursor: needs a limit")
	}
	if filter.Limit == 0 {
		teams, err := a.store.ListTeams(ctx, req.tenant, filter)
		return &TeamPage{Teams: teams}, err
	}
	size := int(min(filter.Limit, maxTeamPage))
	filter.Limit = int32(size) + 1
	teams, err := a.store.ListTeams(ctx, req.tenant, filter)
	if err != nil {
		return nil, err
	}
	page := &TeamPage{Teams: teams, Paginated: true}
	if len(teams) > size {
		page.Teams, page.NextCursor = teams[:size], &teams[size].ID
	}
	return page, nil
}
