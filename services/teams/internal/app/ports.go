package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// Store remembers teams. Its reads see the ambient transaction if there is
// one.
type Store interface {
	// RunTx runs fn in one transaction and commits when fn returns nil. It
	// joins the transaction that ctx carries, and repeats fn after a
	// serialization failure, so fn must have no other effects.
	RunTx(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error

	Directory

	// Team reads a team; nil when there is none.
	Team(ctx context.Context, tenant ids.Tenant, teamID string) (*domain.Team, error)
	// TeamOfMember reads a team that the user is a member of; nil when there
	// is no such membership.
	TeamOfMember(ctx context.Context, tenant ids.Tenant, teamID, userID string) (*domain.Team, error)
	// TeamIDsOfMember lists a user's teams, oldest first.
	TeamIDsOfMember(ctx context.Context, tenant ids.Tenant, userID string) ([]string, error)
}

// Tx is what a use case writes.
type Tx interface {
	// LockUser waits for other changes to the user's memberships and reports
	// whether the user, or the whole project, was deleted.
	LockUser(ctx context.Context, tenant ids.Tenant, userID string) (deleted bool, err error)
	// CreateTeam inserts the team and reports false when its id exists.
	CreateTeam(ctx context.Context, team *domain.Team) (created bool, err error)
	// CreateMembership inserts the membership and reports false when it
	// exists.
	CreateMembership(ctx context.Context, membership domain.Membership) (created bool, err error)
	// RenameTeams renames the user's teams called from and returns them.
	RenameTeams(ctx context.Context, tenant ids.Tenant, userID, from, to string) ([]domain.Team, error)
	// DeleteUser forgets the user's memberships, remembers the deletion and
	// returns the ids of the teams left, oldest first.
	DeleteUser(ctx context.Context, tenant ids.Tenant, userID string) (teamIDs []string, err error)
	// PurgeProject deletes every row of the project and remembers the
	// deletion.
	PurgeProject(ctx context.Context, projectID string) error

	// Emit records events to be published after the commit.
	Emit(ctx context.Context, events ...Event) error
}
