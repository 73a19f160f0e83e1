package app

import (
	"context"
	"slices"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/identity/internal/domain"
)

// ListProjectOwners lists the primary addresses of the members of the project's
// owner team, in alphabetical order; none for a project that does not exist.
func (a *App) ListProjectOwners(ctx context.Context, projectID string) ([]string, error) {
	ownerTeamID, _, err := a.store.ProjectOwnership(ctx, projectID, ids.Nil)
	if err != nil || ownerTeamID == nil {
		return nil, err
	}
	internal := ids.Tenant{ProjectID: domain.InternalProject, BranchID: domain.MainBranch}
	members, err := a.teams.MemberIDs(ctx, internal, *ownerTeamID)
	if err != nil || len(members) == 0 {
		return nil, err
	}
	contacts, err := a.store.UserContacts(tenancy.ForProject(ctx, internal.ProjectID), internal, members)
	if err != nil {
		return nil, err
	}
	var emails []string
	for _, contact := range contacts {
		if contact.PrimaryEmail != nil {
			emails = append(emails, contact.PrimaryEmail.Value)
		}
	}
	slices.Sort(emails)
	return emails, nil
}
