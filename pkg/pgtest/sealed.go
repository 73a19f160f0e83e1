package pgtest

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/rewrap"
)

// Sealed holds the list of a service's sealed columns to its schema: each column
// of bytes is in it, or in others, with what it holds. What is missing would be
// lost with the key it is sealed under.
func Sealed(t *testing.T, sources []migrate.Source, sealed []rewrap.Column, others map[string]string) {
	t.Helper()
	// Tables of packages that every service has or may have.
	known := map[string]string{
		"outbox.payload":             "an event, which has no secrets",
		"inbox_parked.payload":       "an event, which has no secrets",
		"one_time_codes.code_hash":   "a hash",
		"one_time_codes.suffix_hash": "a hash",
	}
	for name, what := range others {
		known[name] = what
	}
	rows, err := New(t, sources...).Querier(t.Context()).Query(t.Context(), `
SELECT table_name || '.' || column_name, data_type FROM information_schema.columns
JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`)
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	var name, dataType string
	if _, err := pgx.ForEachRow(rows, []any{&name, &dataType}, func() error {
		types[name] = dataType
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for name, dataType := range types {
		isSealed := slices.ContainsFunc(sealed, func(c rewrap.Column) bool { return c.String() == name })
		if dataType == "bytea" && isSealed == (known[name] != "") {
			t.Errorf("%s holds bytes: is it sealed? Then it belongs to the columns of encryption-keys, else into this list", name)
		}
	}
	for _, column := range sealed {
		want := "bytea"
		if column.Documents != nil {
			want = column.Documents.Type
		}
		if got := types[column.String()]; got != want {
			t.Errorf("%s is of type %q, not %s", column, got, want)
		}
	}
	for name := range others {
		if types[name] == "" {
			t.Errorf("there is no column %s", name)
		}
	}
}
