package migrate

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/tenancy"
)

// projectColumn holds the project's id in a table that does not say otherwise.
const projectColumn = "project_id"

// policyName is the name of the one policy of a table. The policy is replaced
// when the comment on it is not the statement that makes it.
const policyName = "project"

// Isolate gives every table whose rows belong to projects a policy that shows
// and takes the rows of one project, that which the connection's setting names,
// and makes it hold for the owner of the table too. A table that a later
// migration adds is found by its column project_id. Isolate may be repeated;
// what is as it should be is not touched.
//
// It does nothing against a superuser or a role with BYPASSRLS.
func Isolate(ctx context.Context, url secret.Secret, sources ...Source) error {
	config, err := pgx.ParseConfig(url.Reveal())
	if err != nil {
		return errors.New("migrate: the connection URI cannot be read")
	}
	config.RuntimeParams["lock_timeout"] = "0"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	columns, without := map[string]string{}, map[string]string{}
	for _, source := range sources {
		maps.Copy(columns, source.ProjectColumns)
		maps.Copy(without, source.WithoutPolicy)
	}
	// Replicas may be here at the same time. One waits for another as long as that
	// takes, and for the traffic as Up does.
	for _, statement := range []string{"SELECT pg_advisory_lock(hashtext('isolate'))", "SET lock_timeout = '2s'"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	tables, err := tablesOfProjects(ctx, conn, columns)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if without[t.name] != "" {
			continue
		}
		if err := t.isolate(ctx, conn); err != nil {
			return fmt.Errorf("migrate: isolate %s: %w", t.name, err)
		}
	}
	return invokerViews(ctx, conn)
}

// table is one whose rows belong to projects.
type table struct {
	name, column string
	// forced says that policies are in force, for the owner too.
	forced bool
	// policies are the texts that policies were made from, by name.
	policies map[string]string
}

// policy is the statement that makes the policy.
//
// It is a filter beside the conditions of statements, which name the project
// themselves and use the indexes. The last alternative is never true: it tells
// the planner, which takes conditions to be independent, that the policy leaves
// the number of rows as it is.
func (t table) policy() string {
	return fmt.Sprintf(`CREATE POLICY %[1]s ON %[2]s USING (%[3]s = current_setting('%[4]s', true) OR current_setting('%[4]s', true) = '%[5]s' OR %[3]s <> %[3]s)`,
		policyName, t.identifier(), pgx.Identifier{t.column}.Sanitize(), tenancy.Setting, tenancy.All)
}

func (t table) identifier() string { return pgx.Identifier{t.name}.Sanitize() }

// tablesOfProjects lists the tables of the schema that have a column of
// projects.
func tablesOfProjects(ctx context.Context, conn *pgx.Conn, columns map[string]string) ([]table, error) {
	rows, err := conn.Query(ctx, `
SELECT c.relname, a.attname, c.relrowsecurity AND c.relforcerowsecurity,
    (SELECT coalesce(json_object_agg(p.polname, coalesce(obj_description(p.oid, 'pg_policy'), '')), '{}') FROM pg_policy p WHERE p.polrelid = c.oid)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped AND a.attname = coalesce($1::json ->> c.relname::text, $2)
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname`, columns, projectColumn)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (t table, err error) {
		return t, row.Scan(&t.name, &t.column, &t.forced, &t.policies)
	})
}

// isolate gives the table its policy, and no other.
func (t table) isolate(ctx context.Context, conn *pgx.Conn) error {
	policy := t.policy()
	if t.forced && maps.Equal(t.policies, map[string]string{policyName: policy}) {
		return nil
	}
	var comment string
	if err := conn.QueryRow(ctx, "SELECT quote_literal($1)", policy).Scan(&comment); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var statements []string
		for name := range t.policies {
			statements = append(statements, fmt.Sprintf("DROP POLICY %s ON %s", pgx.Identifier{name}.Sanitize(), t.identifier()))
		}
		statements = append(statements, policy,
			fmt.Sprintf("COMMENT ON POLICY %s ON %s IS %s", policyName, t.identifier(), comment),
			fmt.Sprintf("ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", t.identifier()))
		for _, statement := range statements {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// invokerViews makes views read as whoever asks, not as their owner, who may
// be above the policies.
func invokerViews(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `
SELECT format('ALTER VIEW %I SET (security_invoker = true)', c.relname) FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'v'
    AND NOT coalesce(c.reloptions @> ARRAY['security_invoker=true'], false)
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')`)
	if err != nil {
		return err
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("migrate: %s: %w", statement, err)
		}
	}
	return nil
}
