package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/migrations"
)

// filled returns a database with a large project, of whose users each fifth is
// anonymous, beside a small one.
func filled(t *testing.T) (*pg.DB, ids.Tenant) {
	t.Helper()
	url := pgtest.URL(t, migrations.Source(), outbox.Migrations(), onetime.Migrations(), courier.Migrations())
	// Without triggers, which take longer than all the rest.
	superuser := pgtest.Open(t, pgtest.Superuser(t, url), 1)
	err := superuser.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		for _, statement := range []string{
			`SET LOCAL session_replication_role = replica`,
			`INSERT INTO projects (id, display_name) VALUES ('large', 'Large'), ('small', 'Small')`,
			`INSERT INTO users (project_id, branch_id, id, display_name, is_anonymous, restricted_by_admin, signed_up_at)
			 SELECT CASE WHEN n % 100 = 0 THEN 'small' ELSE 'large' END, 'main', gen_random_uuid(), 'Person ' || n, n % 5 = 0, n % 7 = 0, now() - n * interval '1 minute'
			 FROM generate_series(1, 20000) n`,
			`INSERT INTO user_activity (project_id, branch_id, user_id, last_active_at)
			 SELECT project_id, branch_id, id, signed_up_at + interval '1 hour' FROM users`,
			`INSERT INTO user_search_texts (project_id, branch_id, user_id, content)
			 SELECT project_id, branch_id, id, lower(display_name) || E'\n' || md5(id::text) || '@example.com' FROM users`,
			`INSERT INTO contact_channels (project_id, branch_id, user_id, id, value, is_primary, is_verified)
			 SELECT project_id, branch_id, id, gen_random_uuid(), md5(id::text) || '@example.com', true, true FROM users`,
		} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := superuser.Querier(t.Context()).Exec(t.Context(), `VACUUM ANALYZE`); err != nil {
		t.Fatal(err)
	}
	return pgtest.Open(t, url, 1), ids.Tenant{ProjectID: "large", BranchID: "main"}
}

// plan is what a statement did.
type plan struct {
	text string
	// blocks is how many pages of tables and indexes it looked at.
	blocks int
}

var (
	buffers = regexp.MustCompile(`Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?`)
	scans   = regexp.MustCompile(`Seq Scan on (?:users|user_activity|user_search_texts|contact_channels)\b`)
)

func explain(t *testing.T, db *pg.DB, tenant ids.Tenant, filter app.UserFilter) plan {
	t.Helper()
	sql, args := listUsers(tenant, filter)
	ctx := tenancy.ForProject(t.Context(), tenant.ProjectID)
	rows, err := db.Querier(ctx).Query(ctx, "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, COSTS OFF) "+strings.TrimPrefix(sql, "-- name: ListUsers\n"),
		append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	p := plan{text: strings.Join(lines, "\n")}
	// The first is of the whole statement.
	for _, n := range buffers.FindStringSubmatch(p.text)[1:] {
		blocks, _ := strconv.Atoi(n)
		p.blocks += blocks
	}
	return p
}

// A page costs the same wherever it is, which no sorting or scanning of the
// whole project would.
func TestUsers_deepPage_costsWhatTheFirstDoes(t *testing.T) {
	db, tenant := filled(t)
	var middle string
	if err := db.Querier(t.Context()).QueryRow(t.Context(),
		`SELECT id::text FROM users WHERE project_id = 'large' ORDER BY signed_up_at OFFSET 10000 LIMIT 1`).Scan(&middle); err != nil {
		t.Fatal(err)
	}
	const limit = 20
	for _, tt := range []struct {
		name  string
		index string
		page  app.UserFilter
	}{
		{"default", "users_is_anonymous_idx", app.UserFilter{Anonymous: app.WithoutAnonymous, WithoutRestricted: true}},
		{"verified", "users_is_anonymous_idx", app.UserFilter{Anonymous: app.WithoutAnonymous, WithoutRestricted: true, WithoutUnverified: true}},
		{"restricted too", "users_is_anonymous_idx", app.UserFilter{Anonymous: app.WithoutAnonymous}},
		{"anonymous alone", "users_is_anonymous_idx", app.UserFilter{Anonymous: app.OnlyAnonymous}},
		{"all", "users_signed_up_at_idx", app.UserFilter{}},
		{"by activity", "user_activity_last_active_at_idx", app.UserFilter{Order: app.ByLastActiveAt}},
		{"by activity, default", "user_activity_last_active_at_idx", app.UserFilter{Order: app.ByLastActiveAt, Anonymous: app.WithoutAnonymous, WithoutRestricted: true}},
		{"common text", "users_is_anonymous_idx", app.UserFilter{Anonymous: app.WithoutAnonymous, Search: "example"}},
	} {
		for _, desc := range []bool{false, true} {
			tt.page.Limit, tt.page.Desc = limit, desc
			first := explain(t, db, tenant, tt.page)
			deep := tt.page
			deep.Cursor = middle
			second := explain(t, db, tenant, deep)
			for _, p := range []plan{first, second} {
				if !strings.Contains(p.text, tt.index) || scans.MatchString(p.text) {
					t.Errorf("%s, desc %v: does not walk %s:\n%s", tt.name, desc, tt.index, p.text)
				}
			}
			// Each of the users costs a few pages; the position of the cursor some
			// more.
			t.Logf("%s, desc %v: %d and %d blocks", tt.name, desc, first.blocks, second.blocks)
			if most := limit * 60; first.blocks > most || second.blocks > first.blocks+first.blocks/5+50 {
				t.Errorf("%s, desc %v: %d blocks for the first page, %d for one in the middle", tt.name, desc, first.blocks, second.blocks)
			}
		}
	}
}

func TestUsers_rareText_isLookedUp(t *testing.T) {
	db, tenant := filled(t)
	for _, search := range []string{"person 12345", "PERSON 7779"} {
		p := explain(t, db, tenant, app.UserFilter{Search: search, Limit: 20, Anonymous: app.WithoutAnonymous})
		if !strings.Contains(p.text, "user_search_texts_content_idx") || p.blocks > 3000 {
			t.Errorf("%s: %d blocks\n%s", search, p.blocks, p.text)
		}
	}
	id := "3241a285-8329-4d69-8f3d-316e08cf140c"
	p := explain(t, db, tenant, app.UserFilter{Search: id, SearchID: id, Limit: 20})
	if !strings.Contains(p.text, "user_search_texts_content_idx") || scans.MatchString(p.text) {
		t.Errorf("an id: %d blocks\n%s", p.blocks, p.text)
	}
}

func TestListUsers_everyVariant_namesTheTenantOfEveryTable(t *testing.T) {
	tenant := ids.Tenant{ProjectID: "p", BranchID: "main"}
	for _, order := range []app.UserOrder{"", app.ByLastActiveAt} {
		for _, cursor := range []string{"", ids.Nil} {
			sql, args := listUsers(tenant, app.UserFilter{
				Order: order, Cursor: cursor, Anonymous: app.WithoutAnonymous, WithoutRestricted: true, WithoutUnverified: true,
				UserIDs: []string{ids.Nil}, Search: "x", SearchID: ids.Nil, Limit: 1,
			})
			tables := strings.Count(sql, "FROM users ") + strings.Count(sql, "FROM user_activity ") + strings.Count(sql, "JOIN users ") +
				strings.Count(sql, "JOIN user_search_texts ") + strings.Count(sql, "FROM contact_channels ")
			if got := strings.Count(sql, "project_id = $1"); got != tables || strings.Count(sql, "branch_id = $2") != tables {
				t.Errorf("%d of %d tables name their tenant:\n%s", got, tables, sql)
			}
			for i := range args {
				if !strings.Contains(sql, fmt.Sprintf("$%d", i+1)) {
					t.Errorf("argument %d is not used:\n%s", i+1, sql)
				}
			}
		}
	}
}
