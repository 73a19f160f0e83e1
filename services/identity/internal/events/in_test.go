package events

import (
	"context"
	"slices"
	"testing"

	"vestibule.dev/pkg/ids"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/identity/internal/app"
)

// cleared records what was asked of the store.
type cleared struct {
	app.Store
	app.Tx

	got []string
}

func (c *cleared) RunTx(ctx context.Context, fn func(context.Context, app.Tx) error) error {
	return fn(ctx, c.Tx)
}

type clearing struct {
	app.Tx
	record func(...string)
}

func (c clearing) ClearSelectedTeam(_ context.Context, tenant ids.Tenant, userID, teamID string) error {
	c.record(tenant.ProjectID, tenant.BranchID, userID, teamID)
	return nil
}

func TestSubscriptions_membershipOrTeamDeleted_clearsTheSelection(t *testing.T) {
	store := &cleared{}
	store.Tx = clearing{record: func(words ...string) { store.got = append(store.got, words...) }}
	subscriptions := Subscriptions(app.New(app.Deps{Store: store}))
	if len(subscriptions) != 1 {
		t.Fatalf("%d subscriptions", len(subscriptions))
	}
	for _, event := range []*eventsv1.Envelope{
		{ProjectId: "p", BranchId: "main", Payload: &eventsv1.Envelope_TeamUpdated{TeamUpdated: &eventsv1.TeamUpdated{TeamId: "t"}}},
		{ProjectId: "p", BranchId: "main", Payload: &eventsv1.Envelope_TeamMembershipDeleted{
			TeamMembershipDeleted: &eventsv1.TeamMembershipDeleted{TeamId: "t", UserId: "u"},
		}},
		{ProjectId: "q", BranchId: "main", Payload: &eventsv1.Envelope_TeamDeleted{
			TeamDeleted: &eventsv1.TeamDeleted{TeamId: "s", UserIds: []string{"v", "w"}},
		}},
	} {
		if err := subscriptions[0].Handle(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"p", "main", "u", "t", "q", "main", "v", "s", "q", "main", "w", "s"}; !slices.Equal(store.got, want) {
		t.Errorf("cleared %q", store.got)
	}
}
