package app

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/identity/internal/domain"
)

// teamAdmin is the permission in project internal that a transfer needs.
const teamAdmin = "team_admin"

// TransferProject gives a project to another team of the signed-in operator,
// who administers the team that owns it (projects.md §5.4). It fails with
// SCHEMA_ERROR, PROJECT_NOT_FOUND, TEAM_MEMBERSHIP_NOT_FOUND,
// TEAM_PERMISSION_REQUIRED or a text.
func (a *App) TransferProject(ctx context.Context, projectID, newTeamID string) error {
	operator, internal, err := operatorRequest(ctx)
	switch {
	case apierr.HasCode(err, apierr.CodeUserAuthenticationRequired):
		return errSignedInUserRequired()
	case apierr.HasCode(err, apierr.CodeExpectedInternalProject):
		return apierr.SchemaError("headers: the project must be " + domain.InternalProject)
	case err != nil:
		return err
	}
	for range maxOvertakes {
		if err = a.transferProject(ctx, internal, operator, projectID, newTeamID); !errors.Is(err, errOvertaken) {
			break
		}
	}
	if errors.Is(err, errOvertaken) {
		return apierr.Text(http.StatusConflict, "The project is being transferred by somebody else.")
	}
	return err
}

// transferProject fails with errOvertaken when the project changes hands after
// its owner was asked for.
func (a *App) transferProject(ctx context.Context, internal ids.Tenant, operator, projectID, newTeamID string) error {
	ctx = tenancy.ForProject(ctx, projectID) // the operator is a user of project internal
	tenant := ids.Tenant{ProjectID: projectID, BranchID: domain.MainBranch}
	inProject := tenancy.ForProject(ctx, projectID)
	project, err := a.store.Project(inProject, tenant)
	switch {
	case err != nil:
		return err
	case project == nil:
		return apierr.ProjectNotFound(projectID)
	case project.OwnerTeamID == nil:
		return apierr.Text(http.StatusBadRequest, "No team owns the project.")
	}
	owner := *project.OwnerTeamID
	permissions, isMember, err := a.teams.MemberPermissions(ctx, internal, owner, operator)
	switch {
	case err != nil:
		return err
	case !isMember:
		return apierr.TeamMembershipNotFound(owner, operator)
	case !slices.Contains(permissions, teamAdmin):
		return apierr.TeamPermissionRequired(owner, operator, teamAdmin)
	}
	team, err := a.teams.Membership(ctx, internal, newTeamID, operator)
	switch {
	case err != nil:
		return err
	case team == nil:
		return apierr.TeamMembershipNotFound(newTeamID, operator)
	}
	_, err = a.changeProject(inProject, tenant, func(_ context.Context, _ Tx, project *domain.ConfiguredProject) ([]Event, error) {
		switch {
		case project.OwnerTeamID == nil || *project.OwnerTeamID != owner:
			return nil, errOvertaken
		case newTeamID == owner:
			return nil, nil
		}
		project.OwnerTeamID = &newTeamID
		return []Event{ProjectUpdated{ProjectID: project.ID, Version: project.Version}}, nil
	})
	if apierr.HasCode(err, apierr.CodeCurrentProjectNotFound) {
		return apierr.ProjectNotFound(projectID)
	}
	return err
}
