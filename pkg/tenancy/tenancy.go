// Package tenancy promises that a database shows to a piece of work the rows of
// the project it is done for, and no others.
//
// It is the second belt; the first is that every statement names its project.
// Whoever begins work says in the context for whom: the chain of guards for a
// request, the inbox for an event, the platform for workers and commands.
// Package pg tells the database, whose policies (package migrate) do the rest.
// Work that was begun for nobody gets no connection.
package tenancy

import "context"

// Setting is the configuration parameter by which a database connection knows
// for whom it works.
const Setting = "app.project_id"

// All is the value of [Setting] for all projects. No project has this id.
const All = "*"

type scopeKey struct{}

// ForProject returns a context for work on the rows of one project. Without an
// id it is [ForNoProject].
func ForProject(ctx context.Context, projectID string) context.Context {
	if projectID == All {
		projectID = "" // whoever sent that is no project
	}
	return context.WithValue(ctx, scopeKey{}, projectID)
}

// ForNoProject returns a context for work that touches no project's rows, such
// as a request that names none.
func ForNoProject(ctx context.Context) context.Context { return ForProject(ctx, "") }

// ForAllProjects returns a context for work across projects: workers, commands,
// and the few statements that find out whose a row is. The latter are listed in
// test/arch.
func ForAllProjects(ctx context.Context) context.Context {
	return context.WithValue(ctx, scopeKey{}, All)
}

// Scope returns the value of [Setting] for work under ctx. ok is false when
// nobody has said for whom it is.
func Scope(ctx context.Context) (value string, ok bool) {
	value, ok = ctx.Value(scopeKey{}).(string)
	return value, ok
}
