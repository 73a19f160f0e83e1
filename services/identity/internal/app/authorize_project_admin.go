package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
)

// AdminOutcome says whether an operator may administer a project.
type AdminOutcome int

// Outcomes of AuthorizeProjectAdmin.
const (
	NotAdmin AdminOutcome = iota
	AdminAllowed
	OperatorGone
)

// AuthorizeProjectAdmin decides whether a user of project internal administers a
// project, which members of its owner team do (projects.md §3). Nothing of the
// decision is remembered.
func (a *App) AuthorizeProjectAdmin(ctx context.Context, projectID, operatorID string) (AdminOutcome, error) {
	if !ids.ValidUUID(operatorID) {
		return OperatorGone, nil
	}
	ownerTeamID, exists, err := a.store.ProjectOwnership(ctx, projectID, operatorID)
	switch {
	case err != nil:
		return NotAdmin, err
	case !exists:
		return OperatorGone, nil
	case ownerTeamID == nil:
		return NotAdmin, nil
	}
	internal := ids.Tenant{ProjectID: domain.InternalProject, BranchID: domain.MainBranch}
	team, err := a.teams.Membership(ctx, internal, *ownerTeamID, operatorID)
	if err != nil || team == nil {
		return NotAdmin, err
	}
	return AdminAllowed, nil
}
