// Package migrations holds the schema of the payments database.
package migrations

import (
	"embed"

	"vestibule.dev/pkg/migrate"
)

//go:embed *.sql
var files embed.FS

// Source returns the migrations of this context.
func Source() migrate.Source {
	return migrate.Source{Name: "payments", FS: files}
}
