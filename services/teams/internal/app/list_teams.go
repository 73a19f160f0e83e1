package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/teams/internal/domain"
)

const (
	// maxTeamPage is the largest page of a list of teams.
	maxTeamPage = 200
	// maxListed bounds lists that have no pages, and with them the memory that a
	// request takes. The size of a message bounds them as well.
	maxListed = 100_000
)

// errTooMany answers whoever asks for more than fits into one answer.
func errTooMany() error {
	return apierr.Text(http.StatusBadRequest, "There is too much for one answer. Ask for less, such as for one team or one user.")
}

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
		if err := a.requireSelf(ctx, req, filter.UserID, "Clients may list the teams of their own user only."); err != nil {
			return nil, err
		}
	}
	if filter.Cursor != nil && filter.Limit == 0 {
		return nil, apierr.SchemaError("query.cursor: needs a limit")
	}
	paginated, size := filter.Limit > 0, maxListed
	if paginated {
		size = int(min(filter.Limit, maxTeamPage))
	}
	filter.Limit = int32(size) + 1
	teams, err := a.store.ListTeams(ctx, req.tenant, filter)
	switch {
	case err != nil:
		return nil, err
	case len(teams) == 0:
		if err := a.checkOwn(ctx, req, filter.UserID); err != nil {
			return nil, err
		}
	case len(teams) > size && !paginated:
		return nil, errTooMany()
	}
	page := &TeamPage{Teams: teams, Paginated: paginated}
	if len(teams) > size {
		page.Teams, page.NextCursor = teams[:size], &teams[size].ID
	}
	return page, nil
}
