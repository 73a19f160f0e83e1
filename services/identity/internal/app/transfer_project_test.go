package app_test

import (
	"context"
	"net/http"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// ownedProject is a project whose owner team the operator administers, and
// another team of theirs.
func (p *projects) ownedProject() (project *domain.ConfiguredProject, other domain.Team) {
	p.t.Helper()
	project, other = p.create(), team("Others")
	p.teams.members[other.ID] = other
	p.teams.permissions = map[string][]string{*project.OwnerTeamID: {"$read_members", "team_admin"}}
	return project, other
}

func (p *projects) owner(projectID string) string {
	p.t.Helper()
	project, err := p.GetAdminProject(p.admin(projectID))
	if err != nil {
		p.t.Fatal(err)
	}
	return *project.OwnerTeamID
}

func TestTransferProject_administratorOfBoth_givesItAway(t *testing.T) {
	p := newProjects(t)
	project, other := p.ownedProject()
	before := p.version(project.ID)
	p.events()
	if err := p.TransferProject(p.operator(), project.ID, other.ID); err != nil {
		t.Fatal(err)
	}
	if got := p.owner(project.ID); got != other.ID || p.version(project.ID) <= before {
		t.Errorf("owner %s, version %d after %d", got, p.version(project.ID), before)
	}
	if got := facts(p.events()); got != "project.updated" {
		t.Errorf("events %s", got)
	}
	// What they gave away is not theirs any more: nobody administers the other
	// team here.
	wantError(t, p.TransferProject(p.operator(), project.ID, *project.OwnerTeamID), apierr.TeamPermissionRequired("", "", ""))
}

func TestTransferProject_sameTeam_changesNothing(t *testing.T) {
	p := newProjects(t)
	project, _ := p.ownedProject()
	before := p.version(project.ID)
	if err := p.TransferProject(p.operator(), project.ID, *project.OwnerTeamID); err != nil || p.version(project.ID) != before {
		t.Errorf("version %d after %d, %v", p.version(project.ID), before, err)
	}
}

func TestTransferProject_errors_inOrder(t *testing.T) {
	p := newProjects(t)
	project, other := p.ownedProject()
	p.exec(`INSERT INTO projects (id, display_name) VALUES ('8e1a4c70-2f4c-4f39-8b29-6f6d3f7d3f01', 'Of nobody')`)
	plain := p.create()
	foreign := p.create()
	delete(p.teams.members, *foreign.OwnerTeamID)
	for name, tt := range map[string]struct {
		ctx           context.Context
		project, team string
		want          *apierr.Error
	}{
		"nobody":            {p.client(), project.ID, other.ID, apierr.SchemaError()},
		"another project":   {p.on(principal.AccessAdmin, project.ID), project.ID, other.ID, apierr.SchemaError()},
		"unknown project":   {p.operator(), ids.NewUUID(), other.ID, apierr.ProjectNotFound("")},
		"nonsense":          {p.operator(), "x", other.ID, apierr.ProjectNotFound("")},
		"without owner":     {p.operator(), "8e1a4c70-2f4c-4f39-8b29-6f6d3f7d3f01", other.ID, apierr.Text(http.StatusBadRequest, "")},
		"not a member":      {p.operator(), foreign.ID, other.ID, apierr.TeamMembershipNotFound("", "")},
		"no administrator":  {p.operator(), plain.ID, ids.NewUUID(), apierr.TeamPermissionRequired("", "", "")},
		"into another team": {p.operator(), project.ID, ids.NewUUID(), apierr.TeamMembershipNotFound("", "")},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, p.TransferProject(tt.ctx, tt.project, tt.team), tt.want)
		})
	}
	if got := p.owner(project.ID); got != *project.OwnerTeamID {
		t.Errorf("owner %s", got)
	}
}

// The right to give a project away ends when somebody else gave it away: the
// owner is compared again under the lock.
func TestTransferProject_givenAwayMeanwhile_isDecidedAnew(t *testing.T) {
	p := newProjects(t)
	project, other := p.ownedProject()
	once := true
	p.teams.asked = func() {
		if once {
			once = false
			p.exec(`UPDATE projects SET owner_team_id = $2 WHERE id = $1`, project.ID, other.ID)
		}
	}
	// Of the new owner they are a member like others.
	wantError(t, p.TransferProject(p.operator(), project.ID, *project.OwnerTeamID), apierr.TeamPermissionRequired("", "", ""))
	if got := p.owner(project.ID); got != other.ID {
		t.Errorf("owner %s", got)
	}
}

// A header of the client lets restricted and anonymous users in. Whoever was
// restricted must not take what their team owns along, or read its secrets.
func TestOperators_restrictedOrAnonymous_operateNothing(t *testing.T) {
	p := newProjects(t)
	project, other := p.ownedProject()
	for _, tt := range []struct {
		change func(*principal.Principal)
		want   *apierr.Error
	}{
		{func(c *principal.Principal) { c.Restricted, c.RestrictedReason = true, "restricted_by_administrator" },
			apierr.RestrictedUserNotAllowed("restricted_by_administrator")},
		{func(c *principal.Principal) { c.Restricted, c.Anonymous, c.RestrictedReason = true, true, "anonymous" },
			apierr.AnonymousAuthenticationNotAllowed()},
	} {
		ctx := p.as(principal.AccessClient, ids.NewUUID(), tt.change)
		list, err := p.ListOwnProjects(ctx)
		wantError(t, err, tt.want)
		_, err = p.CreateProject(ctx, *project.OwnerTeamID, app.ProjectPatch{})
		wantError(t, err, tt.want)
		wantError(t, p.TransferProject(ctx, project.ID, other.ID), tt.want)
		if len(list) != 0 || p.owner(project.ID) != *project.OwnerTeamID || p.count(`SELECT count(*) FROM projects`) != 2 {
			t.Error("something happened")
		}
	}
}
