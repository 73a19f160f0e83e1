package pgtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/tenancy"
)

// ofNobody are tables of this module's packages whose rows belong to no project,
// each with the reason.
var ofNobody = map[string]string{
	"inbox":        "ids of events and nothing of their content",
	"inbox_parked": "events that an operator looks at",
	"throttles":    "keys are asked for one by one and name their project",
}

// Isolation holds the database of a service to row-level security (R3): of every
// table, work for one project sees, changes and deletes the rows of that project
// alone, whatever a statement says or forgets to say.
//
// A new table with a column project_id is found by itself. One without is to be
// added to ofOthers, with the reason why its rows are no project's.
func Isolation(t *testing.T, sources []migrate.Source, ofOthers map[string]string) {
	t.Helper()
	url := URL(t, sources...)
	superuser, err := pgx.Connect(t.Context(), Superuser(t, url).Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = superuser.Close(context.WithoutCancel(t.Context())) }()
	all := relations(t, superuser)
	loosen(t, superuser)
	db := scoped(t, url)
	checked := 0
	for _, r := range all {
		r.column = "project_id"
		without := false
		for _, source := range sources {
			if column := source.ProjectColumns[r.name]; column != "" {
				r.column = column
			}
			without = without || source.WithoutPolicy[r.name] != ""
		}
		switch {
		case r.isView && !r.isInvoker:
			t.Errorf("view %s reads as its owner: Isolate has not been here", r.name)
		case r.isView && slices.Contains(r.columns, r.column):
			r.checkView(t, db)
		case r.isView:
		case !slices.Contains(r.columns, r.column):
			if ofNobody[r.name] == "" && ofOthers[r.name] == "" {
				t.Errorf("table %s has no column project_id: whose are its rows?", r.name)
			}
		case without:
		case !r.isForced || len(r.policies) != 1:
			t.Errorf("table %s: forced %v, policies %q; want the one of Isolate in force", r.name, r.isForced, r.policies)
		default:
			checked++
			r.fill(t, superuser)
			r.check(t, db)
		}
	}
	if checked == 0 {
		t.Error("no table belongs to projects: the search is broken")
	}
	t.Logf("%d tables of projects", checked)
}

// relation is a table or a view.
type relation struct {
	name     string
	columns  []string
	policies []string
	isForced bool
	isView   bool
	// isInvoker says that a view reads as whoever asks.
	isInvoker bool
	// required are the columns that a row needs, with values that differ between
	// the projects $1.
	required map[string]string

	column string
}

func relations(t *testing.T, conn *pgx.Conn) []relation {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
SELECT c.relname, c.relkind = 'v', c.relrowsecurity AND c.relforcerowsecurity, coalesce(c.reloptions @> ARRAY['security_invoker=true'], false),
    array_agg(a.attname::text),
    ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid),
    coalesce(json_object_agg(a.attname, CASE format_type(a.atttypid, NULL)
        WHEN 'text' THEN '$1::text' WHEN 'uuid' THEN 'gen_random_uuid()' WHEN 'bytea' THEN '$1::text::bytea' WHEN 'boolean' THEN 'false'
        WHEN 'integer' THEN 'hashtext($1::text)' WHEN 'bigint' THEN 'hashtext($1::text)' WHEN 'smallint' THEN '1' WHEN 'numeric' THEN 'hashtext($1::text)' WHEN 'double precision' THEN 'hashtext($1::text)'
        WHEN 'date' THEN 'current_date' WHEN 'inet' THEN '''127.0.0.1''' WHEN 'json' THEN '''{}''' WHEN 'jsonb' THEN '''{}''' WHEN 'timestamp with time zone' THEN 'now()' WHEN 'interval' THEN '''1 second'''
        WHEN 'text[]' THEN '''{}''' WHEN 'uuid[]' THEN '''{}'''
        ELSE '''0''' END)
        FILTER (WHERE a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = ''), '{}')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND c.relname NOT LIKE 'schema_version_%'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
GROUP BY c.oid ORDER BY c.relname`)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r relation, err error) {
		return r, row.Scan(&r.name, &r.isView, &r.isForced, &r.isInvoker, &r.columns, &r.policies, &r.required)
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// loosen removes what keeps rows of nonsense out of the tables. Policies stay.
func loosen(t *testing.T, superuser *pgx.Conn) {
	t.Helper()
	rows, err := superuser.Query(t.Context(), `
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint
WHERE contype IN ('c', 'f') AND connamespace = 'public'::regnamespace AND conrelid <> 0
UNION ALL
SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger WHERE NOT tgisinternal`)
	if err != nil {
		t.Fatal(err)
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := superuser.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// scoped opens a database as services do: work for nobody is refused.
func scoped(t *testing.T, url secret.Secret) *pg.DB {
	t.Helper()
	db, err := pg.Open(context.WithoutCancel(t.Context()), pg.Config{URL: url, MaxConns: 1, ApplicationName: "test", Patient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// insertion makes a row of the project that is its only argument.
func (r *relation) insertion() string {
	columns, values := []string{r.column}, []string{"$1::text"}
	for column, value := range r.required {
		if column != r.column {
			columns, values = append(columns, pgx.Identifier{column}.Sanitize()), append(values, value)
		}
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s", r.identifier(), strings.Join(columns, ", "), strings.Join(values, ", "))
}

func (r *relation) identifier() string { return pgx.Identifier{r.name}.Sanitize() }

// fill gives the table one row of project a and one of project b.
func (r *relation) fill(t *testing.T, superuser *pgx.Conn) {
	t.Helper()
	for _, project := range []string{"a", "b"} {
		if _, err := superuser.Exec(t.Context(), r.insertion(), project); err != nil {
			t.Fatalf("fill %s: %v", r.name, err)
		}
	}
}

// check asks the table without naming a project, and for another's rows.
func (r *relation) check(t *testing.T, db *pg.DB) {
	t.Helper()
	a, nobody, all := tenancy.ForProject(t.Context(), "a"), tenancy.ForNoProject(t.Context()), tenancy.ForAllProjects(t.Context())
	see := func(ctx context.Context, who, want string) {
		t.Helper()
		var seen string
		if err := db.Querier(ctx).QueryRow(ctx, fmt.Sprintf("SELECT coalesce(string_agg(%[1]s, '' ORDER BY %[1]s), '') FROM %[2]s", r.column, r.identifier())).Scan(&seen); err != nil || seen != want {
			t.Errorf("%s: %s sees the rows of %q, %v; want %q", r.name, who, seen, err, want)
		}
	}
	see(a, "project a", "a")
	see(nobody, "nobody", "")
	see(all, "everybody", "ab")
	for _, tt := range []struct {
		ctx  context.Context
		what string
		sql  string
		rows int64
	}{
		{a, "changes of all rows", "UPDATE %[1]s SET %[2]s = %[2]s", 1},
		{a, "changes of b's rows", "UPDATE %[1]s SET %[2]s = %[2]s WHERE %[2]s = 'b'", 0},
		{nobody, "changes by nobody", "UPDATE %[1]s SET %[2]s = %[2]s", 0},
		{a, "deletion of b's rows", "DELETE FROM %[1]s WHERE %[2]s = 'b'", 0},
		{nobody, "deletion by nobody", "DELETE FROM %[1]s", 0},
	} {
		tag, err := db.Querier(tt.ctx).Exec(tt.ctx, fmt.Sprintf(tt.sql, r.identifier(), r.column))
		if err != nil || tag.RowsAffected() != tt.rows {
			t.Errorf("%s: %s concern %d rows, %v; want %d", r.name, tt.what, tag.RowsAffected(), err, tt.rows)
		}
	}
	refuse := func(ctx context.Context, what, sql string, args ...any) {
		t.Helper()
		_, err := db.Querier(ctx).Exec(ctx, sql, args...)
		if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "42501" {
			t.Errorf("%s: %s: %v; want a refusal by policy", r.name, what, err)
		}
	}
	refuse(a, "a row for b", r.insertion(), "b")
	refuse(nobody, "a row by nobody", r.insertion(), "a")
	refuse(a, "a row moved to b", fmt.Sprintf("UPDATE %s SET %s = 'b'", r.identifier(), r.column))
	if tag, err := db.Querier(a).Exec(a, "DELETE FROM "+r.identifier()); err != nil || tag.RowsAffected() != 1 {
		t.Errorf("%s: deletion of all rows concerns %d, %v; want 1", r.name, tag.RowsAffected(), err)
	}
	see(all, "everybody", "b")
	if _, err := db.Querier(a).Exec(a, r.insertion(), "a"); err != nil {
		t.Errorf("%s: a row for a: %v", r.name, err)
	}
}

func (r *relation) checkView(t *testing.T, db *pg.DB) {
	t.Helper()
	ctx := tenancy.ForProject(t.Context(), "a")
	var others int
	if err := db.Querier(ctx).QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %s WHERE %s <> 'a'", r.identifier(), r.column)).Scan(&others); err != nil || others != 0 {
		t.Errorf("view %s: project a sees %d rows of others, %v", r.name, others, err)
	}
}
