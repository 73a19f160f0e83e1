package app_test

import (
	"testing"

	"vestibule.dev/pkg/ids"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/events"
)

// The rename that an upgrade asks for in the request is made up for by its
// event; other updates rename nothing.
func TestSubscriptions_upgradedUser_renamesPersonalTeams(t *testing.T) {
	f := newFixture(t)
	teamID, userID := ids.NewUUID(), ids.NewUUID()
	err := f.ProvisionUser(t.Context(), app.Provision{
		Tenant: tenant, UserID: userID, PersonalTeam: &app.PersonalTeam{TeamID: teamID, DisplayName: "Personal Team"},
	})
	if err != nil {
		t.Fatal(err)
	}
	name := func() (name string) {
		t.Helper()
		if err := f.db.Querier(t.Context()).QueryRow(t.Context(), "SELECT display_name FROM teams WHERE id = $1", teamID).Scan(&name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	update := func(naming *eventsv1.TeamNaming) {
		t.Helper()
		for range 2 {
			err := events.Subscriptions(f.App)[0].Handle(t.Context(), &eventsv1.Envelope{
				ProjectId: "p", BranchId: "main",
				Payload: &eventsv1.Envelope_UserUpdated{UserUpdated: &eventsv1.UserUpdated{UserId: userID, TeamNaming: naming}},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if update(nil); name() != "Personal Team" {
		t.Errorf("an update named the team %s", name())
	}
	if update(&eventsv1.TeamNaming{PrimaryEmail: "ada@example.com"}); name() != "ada@example.com's Team" {
		t.Errorf("the upgrade named the team %s", name())
	}
}
