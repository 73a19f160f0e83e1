package courier

import (
	"embed"
	"io/fs"

	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/rewrap"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations creates the table courier_mails.
func Migrations() migrate.Source {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the directory is part of the program
	}
	return migrate.Source{Name: "courier", FS: files}
}

// Sealed is the column of waiting mails.
func Sealed() rewrap.Column { return rewrap.Column{Table: "courier_mails", Name: "payload"} }
