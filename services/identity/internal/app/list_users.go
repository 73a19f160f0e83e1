package app

import (
	"context"
	"net/http"
	"regexp"
	"slices"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
)

// What bounds one page, and with it the memory that a request takes.
const (
	maxListedUsers = 10_000
	// maxListedBytes is for users, and for the teams that they selected.
	maxListedBytes = 8 << 20
	// teamBatch is of how many users the selected teams are read at once.
	teamBatch = 100
)

// UserListing says which users to list, and how (users.md §2.5).
type UserListing struct {
	// TeamID selects the members of a team; empty for all users.
	TeamID string
	// Limit is the size of the page; 0 for everybody in one page.
	Limit int
	// Cursor is the first user of the page; empty for the first of all.
	Cursor string
	Order  UserOrder
	Desc   bool
	// Search is free text; empty for all users.
	Search string

	IncludeRestricted bool
	// IncludeAnonymous implies IncludeRestricted.
	IncludeAnonymous bool
	// OnlyAnonymous needs IncludeAnonymous.
	OnlyAnonymous bool
}

// UserOrder is what users are listed by; users of the same time follow by id.
type UserOrder string

// Orders of users.
const (
	BySignedUpAt   UserOrder = "signed_up_at"
	ByLastActiveAt UserOrder = "last_active_at"
)

// UserPage is a part of a list of users.
type UserPage struct {
	Users []UserView
	// NextCursor is the first user of the next page; empty when this is the
	// last.
	NextCursor string
}

// ListUsers lists users of the project (users.md §2.5). A page may be shorter
// than asked for although another follows.
func (a *App) ListUsers(ctx context.Context, in UserListing) (*UserPage, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if in.OnlyAnonymous && !in.IncludeAnonymous {
		return nil, apierr.Text(http.StatusBadRequest, "only_anonymous needs include_anonymous to be true.")
	}
	filter := UserFilter{
		Cursor:   in.Cursor,
		Order:    in.Order,
		Desc:     in.Desc,
		Limit:    maxListedUsers,
		MaxBytes: maxListedBytes,
		Search:   in.Search,
		SearchID: searchedID(in.Search),
	}
	if in.Limit > 0 {
		filter.Limit = min(in.Limit, maxListedUsers)
	}
	switch {
	case in.OnlyAnonymous:
		filter.Anonymous = OnlyAnonymous
	case !in.IncludeAnonymous:
		filter.Anonymous = WithoutAnonymous
	}
	if !in.IncludeRestricted && !in.IncludeAnonymous {
		filter.WithoutRestricted = true
		filter.WithoutUnverified = req.config.Onboarding.RequireEmailVerification
	}
	if in.TeamID != "" {
		if filter.UserIDs, err = a.teams.MemberIDs(ctx, req.tenant, in.TeamID); err != nil {
			return nil, err
		}
		if len(filter.UserIDs) == 0 {
			return &UserPage{}, nil
		}
	}
	users, more, err := a.store.Users(ctx, req.tenant, filter)
	if err != nil {
		return nil, err
	}
	teams, known, err := a.selectedTeams(ctx, req.tenant, users)
	if err != nil {
		return nil, err
	}
	if known < len(users) {
		users, more = users[:known], users[known].ID
	}
	if more != "" && in.Limit == 0 {
		return nil, apierr.Text(http.StatusBadRequest, "There are too many users for one page: set limit and follow next_cursor.")
	}
	page := &UserPage{Users: make([]UserView, 0, len(users)), NextCursor: more}
	for i := range users {
		user := &users[i]
		page.Users = append(page.Users, view(user, teams[selection(user)], req.config))
	}
	return page, nil
}

// selection names the team that a user selected.
func selection(user *domain.User) TeamMember {
	return TeamMember{TeamID: deref(user.SelectedTeamID), UserID: user.ID}
}

// selectedTeams reads the teams that the users selected and are members of. It
// ends early when they take too much memory, and reports for how many users it
// has them.
func (a *App) selectedTeams(ctx context.Context, tenant ids.Tenant, users []domain.User) (teams map[TeamMember]*domain.Team, known int, err error) {
	teams = map[TeamMember]*domain.Team{}
	bytes := 0
	for batch := range slices.Chunk(users, teamBatch) {
		var selections []TeamMember
		for i := range batch {
			if batch[i].SelectedTeamID != nil {
				selections = append(selections, selection(&batch[i]))
			}
		}
		known += len(batch)
		if selections == nil {
			continue
		}
		found, err := a.teams.Memberships(ctx, tenant, selections)
		if err != nil {
			return nil, 0, err
		}
		for member, team := range found {
			teams[member] = team
			bytes += len(team.ClientMetadata) + len(team.ClientReadOnlyMetadata) + len(team.ServerMetadata) + len(team.DisplayName) + len(deref(team.ProfileImageURL))
		}
		if bytes > maxListedBytes {
			break
		}
	}
	return teams, known, nil
}

var (
	notInAnID = regexp.MustCompile(`[^A-Za-z0-9\-_.]+`)
	uuidV4    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
)

// searchedID returns the user id that the text is, once stripped of what no id
// has in it; empty when it is none.
func searchedID(text string) string {
	id := notInAnID.ReplaceAllString(text, "")
	if !uuidV4.MatchString(id) {
		return ""
	}
	return id
}
