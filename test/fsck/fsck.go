// Package fsck promises to find what is left half-applied across the
// databases: a row that names one in another context which is not there, a
// change without its event, an event without its change.
//
// Contexts agree eventually, so it is run when the system has settled.
package fsck

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/test/database"
)

// Orphan is a row that refers to nothing.
type Orphan struct {
	// Rule says what should be there.
	Rule string
	// Key names the row.
	Key string
}

// String is one line for people.
func (o Orphan) String() string { return o.Rule + ": " + o.Key }

// set is the keys that a query finds in a service's database.
type set struct{ service, query string }

// rule says that every key of one set is in another.
type rule struct {
	name       string
	have, want set
}

// Keys hold the tenant: two projects may use the same id.
const (
	tenant = "project_id || '/' || branch_id || '/' || "
	// subject of an event is <context>.v1.<aggregate>.<fact>.<project_id>;
	// aggregate is <kind>/<id>.
	eventOf = "SELECT project_id || '/' || aggregate FROM outbox WHERE subject LIKE "
)

var rules = []rule{
	{
		"a session belongs to a user",
		set{"sessions", "SELECT " + tenant + "user_id FROM sessions"},
		set{"identity", "SELECT " + tenant + "id FROM users"},
	},
	{
		"a membership belongs to a user",
		set{"teams", "SELECT " + tenant + "user_id FROM team_memberships"},
		set{"identity", "SELECT " + tenant + "id FROM users"},
	},
	{
		"a permission belongs to a user",
		set{"teams", "SELECT " + tenant + "user_id FROM team_permissions UNION SELECT " + tenant + "user_id FROM project_permissions"},
		set{"identity", "SELECT " + tenant + "id FROM users"},
	},
	{
		"a provisioned user exists",
		set{"teams", "SELECT " + tenant + "user_id FROM provisioned_users"},
		set{"identity", "SELECT " + tenant + "id FROM users"},
	},
	{
		"a pending invitation has a code that works",
		set{"teams", "SELECT " + tenant + "id FROM team_invitations WHERE expires_at > now()"},
		set{"teams", "SELECT " + tenant + "id FROM one_time_codes WHERE kind = 'team_invitation' AND used_at IS NULL"},
	},
	{
		"a user is a member of the selected team",
		set{"identity", "SELECT " + tenant + "id || '/' || selected_team_id FROM users WHERE selected_team_id IS NOT NULL"},
		set{"teams", "SELECT " + tenant + "user_id || '/' || team_id FROM team_memberships"},
	},
	{
		"a session belongs to a project",
		set{"sessions", "SELECT project_id FROM sessions UNION SELECT project_id FROM signing_keys UNION SELECT project_id FROM api_keys UNION SELECT project_id FROM cli_logins"},
		set{"identity", "SELECT id FROM projects"},
	},
	{
		"a user's API key belongs to a user",
		set{"sessions", "SELECT " + tenant + "owner_id FROM api_keys WHERE owner_type = 'user'"},
		set{"identity", "SELECT " + tenant + "id FROM users"},
	},
	{
		"a team's API key belongs to a team",
		set{"sessions", "SELECT " + tenant + "owner_id FROM api_keys WHERE owner_type = 'team'"},
		set{"teams", "SELECT " + tenant + "id FROM teams"},
	},
	{
		"an API key has the event of its creation",
		set{"sessions", "SELECT project_id || '/api_key/' || id FROM api_keys"},
		set{"sessions", eventOf + "'sessions.v1.api_key.created.%'"},
	},
	{
		"a team belongs to a project",
		set{"teams", "SELECT project_id FROM teams"},
		set{"identity", "SELECT id FROM projects"},
	},
	{
		"a project belongs to a team of project internal",
		set{"identity", "SELECT owner_team_id::text FROM projects WHERE owner_team_id IS NOT NULL"},
		set{"teams", "SELECT id::text FROM teams WHERE project_id = 'internal'"},
	},
	{
		"a user has the event of the creation",
		set{"identity", "SELECT project_id || '/user/' || id FROM users"},
		set{"identity", eventOf + "'identity.v1.user.created.%'"},
	},
	{
		"an event of a creation has its user, or the event of the deletion",
		set{"identity", eventOf + "'identity.v1.user.created.%'"},
		set{"identity", "SELECT project_id || '/user/' || id FROM users UNION " + eventOf + "'identity.v1.user.deleted.%' UNION " +
			"SELECT o.project_id || '/' || o.aggregate FROM outbox o WHERE NOT EXISTS (SELECT FROM projects p WHERE p.id = o.project_id AND p.deleted_at IS NULL)"},
	},
	{
		"a user with a session has the event of a session's creation",
		set{"sessions", "SELECT project_id || '/session/' || user_id FROM sessions"},
		set{"sessions", eventOf + "'sessions.v1.session.created.%'"},
	},
	{
		"an event of a team's creation has its team, or the event of the deletion",
		set{"teams", eventOf + "'teams.v1.team.created.%'"},
		set{"teams", "SELECT project_id || '/team/' || id FROM teams UNION " + eventOf + "'teams.v1.team.deleted.%' UNION " +
			"SELECT o.project_id || '/' || o.aggregate FROM outbox o JOIN deleted_projects p ON p.project_id = o.project_id"},
	},
	{
		"a team has the event of its creation",
		set{"teams", "SELECT project_id || '/team/' || id FROM teams"},
		set{"teams", eventOf + "'teams.v1.team.created.%'"},
	},
	{
		"a user who owns something is there, or known to be gone",
		set{"payments", "SELECT " + tenant + "customer_id FROM customers WHERE customer_type = 'user' AND deleted_at IS NULL"},
		set{"identity", "SELECT " + tenant + "id FROM users"},
	},
	{
		"a team that owns something is there, or known to be gone",
		set{"payments", "SELECT " + tenant + "customer_id FROM customers WHERE customer_type = 'team' AND deleted_at IS NULL"},
		set{"teams", "SELECT " + tenant + "id FROM teams"},
	},
	{
		"what somebody owns belongs to a project",
		set{"payments", "SELECT project_id FROM customers WHERE deleted_at IS NULL UNION SELECT project_id FROM tenancies"},
		set{"identity", "SELECT id FROM projects"},
	},
	{
		"a purchase that was paid for has its event",
		set{"payments", "SELECT project_id || '/purchase/' || id FROM subscriptions WHERE started UNION " +
			"SELECT project_id || '/purchase/' || id FROM one_time_purchases"},
		set{"payments", eventOf + "'payments.v1.purchase.completed.%'"},
	},
	{
		"an event of a purchase has its purchase, or no project",
		set{"payments", eventOf + "'payments.v1.purchase.completed.%'"},
		set{"payments", "SELECT project_id || '/purchase/' || id FROM subscriptions UNION " +
			"SELECT project_id || '/purchase/' || id FROM one_time_purchases UNION " +
			"SELECT o.project_id || '/' || o.aggregate FROM outbox o WHERE NOT EXISTS (SELECT FROM customers c WHERE c.project_id = o.project_id)"},
	},
	{
		"a quantity that was changed by hand has its event",
		set{"payments", "SELECT DISTINCT project_id || '/item_quantity/' || customer_type || '/' || customer_id || '/' || item_id FROM item_quantity_changes"},
		set{"payments", eventOf + "'payments.v1.item_quantity.changed.%'"},
	},
	{
		"a purchase at the payment provider is in the books",
		set{"payments", "SELECT project_id || '/' || branch_id || '/' || stripe_subscription_id FROM subscriptions WHERE stripe_subscription_id IS NOT NULL UNION " +
			"SELECT project_id || '/' || branch_id || '/' || stripe_payment_intent_id FROM one_time_purchases WHERE stripe_payment_intent_id IS NOT NULL"},
		set{"payments", "SELECT project_id || '/' || branch_id || '/' || stripe_id FROM stripe_purchases"},
	},
}

// everywhere is forbidden in every database that has the table: what this
// finds is an orphan by itself.
var everywhere = []struct{ name, table, query string }{
	{"every event is published", "outbox", "SELECT subject || ' ' || id FROM outbox WHERE published_at IS NULL"},
	{"no event is given up", "inbox_parked", "SELECT consumer || ' ' || event_id || ': ' || last_error FROM inbox_parked"},
}

// Check returns all orphans.
func Check(ctx context.Context, databases *database.Set) ([]Orphan, error) {
	var orphans []Orphan
	for _, r := range rules {
		have, err := keys(ctx, databases, r.have)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		want, err := keys(ctx, databases, r.want)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		there := make(map[string]bool, len(want))
		for _, key := range want {
			there[key] = true
		}
		for _, key := range slices.Compact(slices.Sorted(slices.Values(have))) {
			if !there[key] {
				orphans = append(orphans, Orphan{Rule: r.name, Key: key})
			}
		}
	}
	for _, service := range databases.Services() {
		for _, e := range everywhere {
			if found, err := databases.Has(ctx, service, e.table); err != nil {
				return nil, err
			} else if !found {
				continue
			}
			found, err := keys(ctx, databases, set{service, e.query})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", e.name, err)
			}
			for _, key := range found {
				orphans = append(orphans, Orphan{Rule: e.name, Key: service + " " + key})
			}
		}
	}
	return orphans, nil
}

func keys(ctx context.Context, databases *database.Set, s set) ([]string, error) {
	conn := databases.Conn(s.service)
	if conn == nil {
		return nil, fmt.Errorf("no database of %s", s.service)
	}
	rows, err := conn.Query(ctx, s.query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
