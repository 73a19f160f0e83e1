package app

import (
	"context"
	"encoding/json"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/profileimage"
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
	// ReplacePermissions writes the definitions of a branch, provided that the
	// project has the expected version. It returns the version the project has
	// now and whether anything was written.
	ReplacePermissions(ctx context.Context, tenant ids.Tenant, expectedVersion int64, change *domain.PermissionChange) (version int64, replaced bool, err error)
}

// User is what identity tells of a user.
type User struct {
	ID              string
	DisplayName     *string
	ProfileImageURL *string
	// RestrictedReason is empty when the user is not restricted.
	RestrictedReason string
	SelectedTeamID   *string
	// Representation is the user as servers see them, a JSON object without the
	// selected team.
	Representation json.RawMessage
}

// Users is what this context asks identity about.
type Users interface {
	// Users reads the users that exist among those asked for, by id.
	Users(ctx context.Context, tenant ids.Tenant, userIDs ...string) (map[string]User, error)
	// VerifiedEmails lists the addresses that a user has verified, normalised.
	VerifiedEmails(ctx context.Context, tenant ids.Tenant, userID string) ([]string, error)
}

// TeamFilter says which teams are listed, and which page of them.
type TeamFilter struct {
	// UserID is the member whose teams are listed; nil for all teams.
	UserID *string
	// Query is a whole id, or part of a display name in any case.
	Query *string
	// Cursor is the first team of the page; nil for the first page.
	Cursor *string
	// Limit is the size of a page; 0 for as many as fit into an answer.
	Limit       int32
	NewestFirst bool
}

// Grants are the permissions that a user was granted directly, in a team or
// outside. Some may not be defined any more.
type Grants struct {
	// TeamID is empty outside teams.
	TeamID, UserID string
	PermissionIDs  []string
}

// Store remembers teams. Its reads see the ambient transaction if there is
// one.
type Store interface {
	// RunTx runs fn in one transaction and commits when fn returns nil. It
	// joins the transaction that ctx carries, and repeats fn after a
	// serialization failure, so fn must have no other effects.
	RunTx(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error

	Directory
	RateStore

	// Team reads a team; nil when there is none.
	Team(ctx context.Context, tenant ids.Tenant, teamID string) (*domain.Team, error)
	// ListTeams lists teams by creation.
	ListTeams(ctx context.Context, tenant ids.Tenant, filter TeamFilter) ([]domain.Team, error)
	// TeamIDsOfMember lists a user's teams, oldest first.
	TeamIDsOfMember(ctx context.Context, tenant ids.Tenant, userID string) ([]string, error)
	// SelectedTeams reads the teams that users have selected, given by user,
	// and are members of. The result is by user.
	SelectedTeams(ctx context.Context, tenant ids.Tenant, selected map[string]string) (map[string]domain.Team, error)

	// Membership reads a team that the user is a member of, and their grants,
	// in one statement; nil when there is no such membership.
	Membership(ctx context.Context, tenant ids.Tenant, teamID, userID string) (*Membership, error)
	// TeamMembers lists the members of a team in the order in which they
	// joined.
	TeamMembers(ctx context.Context, tenant ids.Tenant, teamID string) (userIDs []string, err error)
	// MemberProfiles lists memberships by the time of joining, of one team and
	// of one user unless nil, at most limit of them.
	MemberProfiles(ctx context.Context, tenant ids.Tenant, teamID, userID *string, limit int) ([]domain.MemberProfile, error)
	// UserDeleted reports whether identity has deleted the user.
	UserDeleted(ctx context.Context, tenant ids.Tenant, userID string) (bool, error)

	// TeamGrants lists grants by team and user, of one team and of one user
	// unless nil, of at most limit members.
	TeamGrants(ctx context.Context, tenant ids.Tenant, teamID, userID *string, limit int) ([]Grants, error)
	// ProjectGrants lists grants outside teams by user, of one user unless nil,
	// of at most limit users.
	ProjectGrants(ctx context.Context, tenant ids.Tenant, userID *string, limit int) ([]Grants, error)

	// AttemptInvitationCode finds the invitation that a code stands for and
	// counts the attempt, also when it fails with one of the errors of
	// verification codes.
	AttemptInvitationCode(ctx context.Context, tenant ids.Tenant, code string) (*InvitationCode, error)
	// Invitation reads a pending invitation, without the name of its team; nil
	// when there is none.
	Invitation(ctx context.Context, tenant ids.Tenant, invitationID string) (*domain.Invitation, error)
	// InvitationsOfTeam lists the newest pending invitations of a team, oldest
	// first, each with the first 256 characters of the team's name.
	InvitationsOfTeam(ctx context.Context, tenant ids.Tenant, teamID string, limit int) ([]domain.Invitation, error)
	// InvitationsTo is InvitationsOfTeam for those to some addresses.
	InvitationsTo(ctx context.Context, tenant ids.Tenant, emails []string, limit int) ([]domain.Invitation, error)
	// ForgetExpiredInvitations deletes invitations that nobody can accept any
	// more.
	ForgetExpiredInvitations(ctx context.Context) error

	// Image reads an image of any project: its id is a secret of its own.
	Image(ctx context.Context, id string) (*profileimage.Image, error)
}

// InvitationCode is a code that was found and may be spent.
type InvitationCode struct {
	ID     string
	Tenant ids.Tenant
	TeamID string
}

// Tx is what a use case writes.
type Tx interface {
	// Enter waits for the end of the project, if that is under way, and reports
	// whether it was deleted.
	Enter(ctx context.Context, tenant ids.Tenant) (deleted bool, err error)
	// LockUser waits for other changes to the user's memberships and reports
	// whether the user, or the whole project, was deleted.
	LockUser(ctx context.Context, tenant ids.Tenant, userID string) (deleted bool, err error)
	// DeleteUser forgets the user's memberships and permissions, remembers the
	// deletion and returns the ids of the teams left, oldest first.
	DeleteUser(ctx context.Context, tenant ids.Tenant, userID string) (teamIDs []string, err error)
	// RememberProvisioned notes that a user got what new users get, and reports
	// whether it is the first time.
	RememberProvisioned(ctx context.Context, tenant ids.Tenant, userID string) (first bool, err error)
	// PurgeProject deletes every row of the project and remembers the
	// deletion.
	PurgeProject(ctx context.Context, projectID string) error

	TeamTx
	MembershipTx
	PermissionTx
	InvitationTx

	// SaveImage makes an image the only one of its owner; a nil image deletes
	// the one there is.
	SaveImage(ctx context.Context, owner ImageOwner, image *profileimage.Image) error

	// Emit records events to be published after the commit.
	Emit(ctx context.Context, events ...Event) error
}

// TeamTx writes teams.
type TeamTx interface {
	// CreateTeam inserts the team and reports false when its id exists.
	CreateTeam(ctx context.Context, team *domain.Team) (created bool, err error)
	// LockTeam waits for other changes of the team and reads it; nil when there
	// is none.
	LockTeam(ctx context.Context, tenant ids.Tenant, teamID string) (*domain.Team, error)
	// UpdateTeam writes a locked team.
	UpdateTeam(ctx context.Context, team *domain.Team) error
	// DeleteTeam deletes a team with everything in it and returns the version
	// it had and who its members were; version 0 when there is none.
	DeleteTeam(ctx context.Context, tenant ids.Tenant, teamID string) (version int64, userIDs []string, err error)
	// RenameTeams renames the user's teams called from and returns them.
	RenameTeams(ctx context.Context, tenant ids.Tenant, userID, from, to string) ([]domain.Team, error)
}

// MembershipTx writes who belongs to a team.
type MembershipTx interface {
	// LockMembership reads what a member was granted and keeps it, and the
	// membership, until the transaction ends. It is one statement.
	LockMembership(ctx context.Context, membership domain.Membership) (granted []string, member bool, err error)
	// CreateMembership inserts the membership and reports false when it exists.
	// It fails with TEAM_NOT_FOUND.
	CreateMembership(ctx context.Context, membership domain.Membership) (created bool, err error)
	// DeleteMembership reports false when there is no such membership.
	DeleteMembership(ctx context.Context, membership domain.Membership) (deleted bool, err error)
	// UpdateMemberProfile changes what a member is called and looks like; the
	// answer is nil when there is no such membership.
	UpdateMemberProfile(ctx context.Context, membership domain.Membership, displayName, profileImageURL patch.Field[string]) (*domain.MemberProfile, error)
}

// PermissionTx writes grants.
type PermissionTx interface {
	// GrantTeamPermissions gives a member permissions of team scope, as the
	// version of the configuration defines them, and returns those that they
	// hold now: permissions that have ended since are left out.
	GrantTeamPermissions(ctx context.Context, membership domain.Membership, configVersion int64, permissionIDs ...string) (held []string, err error)
	// GrantProjectPermissions gives a user permissions of project scope.
	GrantProjectPermissions(ctx context.Context, tenant ids.Tenant, userID string, configVersion int64, permissionIDs ...string) (held []string, err error)
	// RevokeTeamPermission reports false when there is no such grant.
	RevokeTeamPermission(ctx context.Context, membership domain.Membership, permissionID string) (revoked bool, err error)
	// RevokeProjectPermission reports false when there is no such grant.
	RevokeProjectPermission(ctx context.Context, tenant ids.Tenant, userID, permissionID string) (revoked bool, err error)
	// EndPermission ends the grants of a permission that are older than the
	// version of the configuration that ended it, or moves them to what it was
	// renamed to.
	EndPermission(ctx context.Context, tenant ids.Tenant, end PermissionEnd) error
}

// InvitationTx writes invitations.
type InvitationTx interface {
	// CreateInvitation stores a new invitation, completes it and returns its
	// code.
	CreateInvitation(ctx context.Context, invitation *domain.Invitation) (code string, err error)
	// TakeInvitation takes a pending invitation away, by which it can be
	// accepted or withdrawn once, and reports whether it was there.
	TakeInvitation(ctx context.Context, tenant ids.Tenant, invitationID, teamID string) (taken bool, err error)
	// ConsumeInvitationCode spends a code and forgets its invitation. Of all
	// that try, one succeeds; the others fail as verification codes do.
	ConsumeInvitationCode(ctx context.Context, code *InvitationCode) error
	// RevokeInvitationCode deletes a code.
	RevokeInvitationCode(ctx context.Context, tenant ids.Tenant, invitationID string) error
	// EnqueueMail hands a mail over after the commit.
	EnqueueMail(ctx context.Context, mail Mail) error
}

// Mail is a mail to a person who may be no user.
type Mail struct {
	ID        string
	Tenant    ids.Tenant
	Template  string
	Email     string
	Variables map[string]string
	// SkipDeliverabilityCheck sends also to addresses that look undeliverable.
	SkipDeliverabilityCheck bool
}

// ImageOwner is whose picture an image is.
type ImageOwner struct {
	Tenant ids.Tenant
	TeamID string
	// UserID is the member whose picture it is; nil for the team's own.
	UserID *string
}
