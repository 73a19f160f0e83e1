package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/teams/internal/domain"
)

// Project is a project's configuration at one version. It is shared between
// requests: treat it and everything in it as read-only.
type Project struct {
	*projectconfig.Config

	Permissions *domain.Permissions
}

// Projects knows the configuration of projects.
type Projects interface {
	// Project returns the configuration of a branch, at least as new as the
	// version; the newest for version 0. It fails with
	// CURRENT_PROJECT_NOT_FOUND.
	Project(ctx context.Context, tenant ids.Tenant, minVersion int64) (*Project, error)
}

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
	// Membership reads a team that the user is a member of, and their grants,
	// in one statement; nil when there is no such membership.
	Membership(ctx context.Context, tenant ids.Tenant, teamID, userID string) (*Membership, error)
	// TeamMembers lists the members of a team in the order in which they
	// joined.
	TeamMembers(ctx context.Context, tenant ids.Tenant, teamID string) ([]TeamMember, error)
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
	// GrantTeamPermissions gives a member permissions of team scope, as the
	// version of the configuration defines them.
	GrantTeamPermissions(ctx context.Context, membership domain.Membership, configVersion int64, permissionIDs ...string) error
	// GrantProjectPermissions gives a user permissions of project scope.
	GrantProjectPermissions(ctx context.Context, tenant ids.Tenant, userID string, configVersion int64, permissionIDs ...string) error
	// RememberProvisioned notes that a user got what new users get, and reports
	// whether it is the first time.
	RememberProvisioned(ctx context.Context, tenant ids.Tenant, userID string) (first bool, err error)
	// RenameTeams renames the user's teams called from and returns them.
	RenameTeams(ctx context.Context, tenant ids.Tenant, userID, from, to string) ([]domain.Team, error)
	// DeleteUser forgets the user's memberships and permissions, remembers the
	// deletion and returns the ids of the teams left, oldest first.
	DeleteUser(ctx context.Context, tenant ids.Tenant, userID string) (teamIDs []string, err error)
	// PurgeProject deletes every row of the project and remembers the
	// deletion.
	PurgeProject(ctx context.Context, projectID string) error

	// Emit records events to be published after the commit.
	Emit(ctx context.Context, events ...Event) error
}
