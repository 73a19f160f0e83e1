// Package migrations holds the schema of the identity database.
package migrations

import (
	"embed"

	"vestibule.dev/pkg/migrate"
)

//go:embed *.sql
var files embed.FS

// Source returns the migrations of this context.
func Source() migrate.Source {
	return migrate.Source{
		Name:           "identity",
		FS:             files,
		ProjectColumns: map[string]string{"projects": "id"},
		WithoutPolicy: map[string]string{
			// Matching a text is not leakproof: under a policy Postgres would
			// neither use the trigram index for it nor the statistics.
			"user_search_texts": "finds users by text; what is shown of them is in users, and triggers of users alone write it",
		},
	}
}
