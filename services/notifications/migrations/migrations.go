// Package migrations holds the schema of the notifications database.
package migrations

import (
	"embed"

	"vestibule.dev/pkg/migrate"
)

//go:embed *.sql
var files embed.FS

// Source returns the migrations of this context.
func Source() migrate.Source {
	return migrate.Source{Name: "notifications", FS: files}
}
