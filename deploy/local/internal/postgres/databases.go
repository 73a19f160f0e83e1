package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// Database is the database of one context and the role that owns it.
type Database struct {
	Name     string // of database and role alike
	Password string
}

// CreateDatabases makes what is missing of the roles and databases on the
// server, sets the passwords and returns the URL of each database by name. It
// changes nothing else on the server.
func CreateDatabases(ctx context.Context, server string, databases []Database) (map[string]string, error) {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return nil, fmt.Errorf("connect to the database server: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))

	urls := make(map[string]string, len(databases))
	for _, database := range databases {
		if err := create(ctx, conn, database); err != nil {
			return nil, fmt.Errorf("database %s: %w", database.Name, err)
		}
		if urls[database.Name], err = database.url(server); err != nil {
			return nil, err
		}
	}
	return urls, nil
}

func create(ctx context.Context, conn *pgx.Conn, database Database) error {
	var roleExists, databaseExists, superuser bool
	err := conn.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1),
		       EXISTS (SELECT FROM pg_database WHERE datname = $1),
		       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)`,
		database.Name).Scan(&roleExists, &databaseExists, &superuser)
	if err != nil {
		return err
	}
	name := pgx.Identifier{database.Name}.Sanitize()
	var statements []string
	verb := "ALTER"
	if !roleExists {
		verb = "CREATE"
	}
	// DDL takes no parameters; the password is letters and digits, see quote.
	password, err := quote(database.Password)
	if err != nil {
		return err
	}
	statements = append(statements, verb+" ROLE "+name+" LOGIN PASSWORD "+password)
	if !roleExists && !superuser {
		// Only a member may make the role an owner.
		statements = append(statements, "GRANT "+name+" TO CURRENT_USER")
	}
	if !databaseExists {
		statements = append(statements,
			"CREATE DATABASE "+name+" OWNER "+name+" TEMPLATE template0 ENCODING 'UTF8'",
			// One context must not read another's data by accident either.
			"REVOKE CONNECT, TEMPORARY ON DATABASE "+name+" FROM PUBLIC")
	}
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// quote makes a literal of a password of plain letters and digits and refuses
// all others.
func quote(password string) (string, error) {
	for _, r := range password {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return "", errors.New("the password has other characters than letters and digits")
		}
	}
	return "'" + password + "'", nil
}

// url is the server's URL with another user, password and database.
func (d Database) url(server string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", errors.New("the database server must be given as a URL, postgres://user:password@host:port/database")
	}
	u.User = url.UserPassword(d.Name, d.Password)
	u.Path = "/" + d.Name
	return u.String(), nil
}
