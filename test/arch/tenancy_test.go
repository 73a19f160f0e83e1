package arch

import (
	"go/ast"
	"strings"
	"testing"
)

// acrossProjects are the places that work for all projects, each with the
// reason. Everything else is shown one project's rows by the database (R3).
var acrossProjects = map[string]string{
	"pkg/service/main.go":     "commands of the operator",
	"pkg/service/platform.go": "workers",
	"pkg/service/metrics.go":  "figures of the installation",
	"pkg/pg/scope.go":         "tests, which look at everything",

	"services/sessions/internal/postgres/api_keys.go":    "an API key that leaked says which project's it is",
	"services/notifications/internal/postgres/outbox.go": "a digest of failures, for the installation's own scheduler",
	"services/identity/internal/postgres/projects.go":    "users of project internal own and operate the others",
	"services/identity/internal/postgres/images.go":      "images are public, under random names",
	"services/identity/internal/postgres/oauth.go":       "the state of a sign-in says which project's it is",
	"services/teams/internal/postgres/images.go":         "images are public, under random names",
	"services/notifications/internal/app/unsubscribe.go": "the code of a link says which project's it is",
	"services/payments/internal/postgres/codes.go":       "the id of a tenancy says which project's it is",
	"services/payments/internal/postgres/stripe.go":      "an account at Stripe says which project's it is",
}

func TestTenancy_acrossProjects_isSaidWhy(t *testing.T) {
	used := map[string]bool{}
	for _, f := range files(t) {
		if strings.HasPrefix(f.path, "test/") || strings.HasPrefix(f.path, "pkg/pgtest/") {
			continue
		}
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := selector.X.(*ast.Ident)
			if !ok || pkg.Name != "tenancy" || selector.Sel.Name != "ForAllProjects" {
				return true
			}
			used[f.path] = true
			if acrossProjects[f.path] == "" {
				t.Errorf("%s works for all projects; say in test/arch/tenancy_test.go why", f.path)
			}
			return true
		})
	}
	for path := range acrossProjects {
		if !used[path] {
			t.Errorf("%s no longer works for all projects", path)
		}
	}
}

// Connections come from package pg, which tells each for whom it works.
func TestTenancy_connections_comeFromOnePlace(t *testing.T) {
	for _, f := range files(t) {
		if !strings.HasPrefix(f.path, "services/") && !strings.HasPrefix(f.path, "gateway/") {
			continue
		}
		for _, imported := range f.imports {
			if imported == "github.com/jackc/pgx/v5/pgxpool" || imported == "github.com/jackc/pgx/v5/stdlib" || imported == "database/sql" {
				t.Errorf("%s imports %s", f.path, imported)
			}
		}
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := selector.X.(*ast.Ident)
			if ok && pkg.Name == "pgx" && (selector.Sel.Name == "Connect" || selector.Sel.Name == "ConnectConfig") {
				t.Errorf("%s uses pgx.%s", f.path, selector.Sel.Name)
			}
			return true
		})
	}
}
