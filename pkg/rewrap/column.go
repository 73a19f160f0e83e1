package rewrap

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/secret"
)

// Column holds sealed values: each value is one ([secret.Box]), or a document
// with some in it.
type Column struct {
	Table, Name string
	// Documents is nil where a value is a sealed one.
	Documents *Documents
}

// Documents says how to find sealed values in documents.
type Documents struct {
	// Type is the type of the column.
	Type string
	// Where is the condition of SQL for rows that have such documents.
	Where string
	// Replace returns a document in which each sealed value is replaced by what
	// another function returns for it, and nothing else is changed.
	Replace func(document []byte, replacement func(sealed []byte) []byte) ([]byte, error)
}

// String returns table and column.
func (c Column) String() string { return c.Table + "." + c.Name }

// replace is Documents.Replace for both kinds of columns.
func (c Column) replace(value []byte, replacement func(sealed []byte) []byte) ([]byte, error) {
	if c.Documents == nil {
		return replacement(value), nil
	}
	return c.Documents.Replace(value, replacement)
}

// blocks is how much of the table is looked at in one transaction.
func (c Column) blocks() int64 {
	if c.Documents != nil {
		return 1 // they may be long
	}
	return 16
}

func (c Column) table() string { return pgx.Identifier{c.Table}.Sanitize() }
func (c Column) name() string  { return pgx.Identifier{c.Name}.Sanitize() }

// read is what has to be read of a value, as bytes.
func (c Column) read() string {
	if c.Documents != nil {
		return fmt.Sprintf("convert_to(%s::text, 'UTF8')", c.name())
	}
	return fmt.Sprintf("substring(%s FROM 1 FOR %d)", c.name(), secret.SealedHead)
}

// selection reads the values between two places of the table.
func (c Column) selection() string {
	where := ""
	if c.Documents != nil {
		where = " AND " + c.Documents.Where
	}
	return fmt.Sprintf("SELECT ctid::text, %s FROM %s WHERE ctid >= $1::tid AND ctid < $2::tid AND %s IS NOT NULL%s",
		c.read(), c.table(), c.name(), where)
}

// outdated reads, and locks, those of them that may be under another key than
// that of the header $3. Whoever has locked a row has it first.
func (c Column) outdated() string {
	condition := "$3::bytea IS NOT NULL"
	if c.Documents == nil {
		condition = fmt.Sprintf("substring(%s FROM 1 FOR length($3::bytea)) <> $3", c.name())
	}
	return c.selection() + " AND " + condition + " FOR NO KEY UPDATE SKIP LOCKED"
}

// update replaces what was read of a value, $2, by $1, if that still is the
// value. Each sealed value is another, so a row that has moved is not mistaken.
func (c Column) update() string {
	value := fmt.Sprintf("$1::bytea || substring(%s FROM %d)", c.name(), secret.SealedHead+1)
	if c.Documents != nil {
		value = fmt.Sprintf("convert_from($1::bytea, 'UTF8')::%s", c.Documents.Type)
	}
	return fmt.Sprintf("UPDATE %s SET %s = %s WHERE ctid = $3::tid AND %s = $2::bytea", c.table(), c.name(), value, c.read())
}
