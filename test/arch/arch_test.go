// Package arch holds the rules of the house that the compiler does not: who may
// import whom, and what only some places may call.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// file is one Go file of the product, generated ones and tests left out.
type file struct {
	// path is relative to the root of the repository, with slashes.
	path    string
	dir     string
	imports []string
	syntax  *ast.File
}

const root = "../.."

func files(t *testing.T) []file {
	t.Helper()
	var found []file
	for _, top := range []string{"pkg", "gateway", "services", "deploy", "test"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "node_modules") {
				return fs.SkipDir
			}
			if entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			syntax, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			if ast.IsGenerated(syntax) {
				return nil
			}
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			f := file{path: filepath.ToSlash(relative), syntax: syntax}
			f.dir = f.path[:strings.LastIndex(f.path, "/")]
			for _, spec := range syntax.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return err
				}
				f.imports = append(f.imports, imported)
			}
			found = append(found, f)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) < 50 {
		t.Fatalf("found %d files; the walk is broken", len(found))
	}
	return found
}

// layer says what a package of every service must not import. Patterns match
// the import path or a path below it.
type layer struct {
	name      string
	forbidden []string
}

var layers = []layer{
	{"domain", []string{
		"context", "net$", "net/http", "net/smtp", "os", "database/sql", "google.golang.org", "github.com/jackc/pgx", "github.com/nats-io",
		"vestibule.dev/proto", "vestibule.dev/pkg/pg", "vestibule.dev/pkg/outbox", "vestibule.dev/pkg/inbox", "vestibule.dev/pkg/bus",
		"vestibule.dev/pkg/grpcx", "vestibule.dev/pkg/service", "vestibule.dev/pkg/principal", "vestibule.dev/pkg/clock",
	}},
	{"app", []string{
		"google.golang.org", "github.com/jackc/pgx", "github.com/nats-io", "vestibule.dev/proto", "vestibule.dev/pkg/pg",
		"vestibule.dev/pkg/outbox", "vestibule.dev/pkg/inbox", "vestibule.dev/pkg/bus", "vestibule.dev/pkg/grpcx", "vestibule.dev/pkg/service",
	}},
	{"postgres", []string{
		"google.golang.org/grpc", "github.com/nats-io", "vestibule.dev/pkg/bus", "vestibule.dev/pkg/grpcx", "vestibule.dev/pkg/service",
	}},
	{"grpcapi", []string{"github.com/jackc/pgx", "github.com/nats-io", "vestibule.dev/pkg/pg", "vestibule.dev/pkg/outbox", "vestibule.dev/pkg/inbox", "vestibule.dev/pkg/bus"}},
	{"events", []string{"github.com/jackc/pgx", "google.golang.org/grpc", "vestibule.dev/pkg/pg"}},
	{"clients", []string{"github.com/jackc/pgx", "github.com/nats-io", "vestibule.dev/pkg/pg", "vestibule.dev/pkg/outbox", "vestibule.dev/pkg/inbox"}},
}

// siblings lists the layers of the same service that a layer must not import.
var siblings = map[string][]string{
	"domain":   {"app", "postgres", "grpcapi", "events", "clients"},
	"app":      {"postgres", "grpcapi", "events", "clients"},
	"postgres": {"grpcapi", "events", "clients"},
	"grpcapi":  {"postgres", "events", "clients"},
	"events":   {"postgres", "grpcapi", "clients"},
	"clients":  {"postgres", "grpcapi", "events"},
}

func TestImports_layers(t *testing.T) {
	for _, f := range files(t) {
		service, inner, ok := inService(f.dir)
		if !ok {
			continue
		}
		for _, l := range layers {
			if inner != l.name && !strings.HasPrefix(inner, l.name+"/") {
				continue
			}
			forbidden := slices.Clone(l.forbidden)
			for _, sibling := range siblings[l.name] {
				forbidden = append(forbidden, "vestibule.dev/services/"+service+"/internal/"+sibling)
			}
			for _, imported := range f.imports {
				if pattern, hit := below(imported, forbidden); hit {
					t.Errorf("%s imports %s: package %s must not import %s", f.path, imported, l.name, pattern)
				}
			}
		}
	}
}

func TestImports_betweenModules(t *testing.T) {
	for _, f := range files(t) {
		var forbidden []string
		switch service, _, ok := inService(f.dir); {
		case ok:
			forbidden = []string{"vestibule.dev/gateway", "vestibule.dev/deploy", "vestibule.dev/test"}
			for _, other := range []string{"identity", "sessions", "teams", "notifications", "payments"} {
				if other != service {
					forbidden = append(forbidden, "vestibule.dev/services/"+other)
				}
			}
		case strings.HasPrefix(f.path, "gateway/"):
			forbidden = []string{
				"vestibule.dev/services", "vestibule.dev/deploy", "vestibule.dev/test", "github.com/jackc/pgx",
				"vestibule.dev/pkg/pg", "vestibule.dev/pkg/outbox", "vestibule.dev/pkg/inbox",
			}
		case strings.HasPrefix(f.path, "pkg/"):
			forbidden = []string{"vestibule.dev/services", "vestibule.dev/gateway", "vestibule.dev/deploy", "vestibule.dev/test"}
		case strings.HasPrefix(f.path, "deploy/"):
			forbidden = []string{"vestibule.dev/services", "vestibule.dev/gateway"}
		}
		for _, imported := range f.imports {
			if pattern, hit := below(imported, forbidden); hit {
				t.Errorf("%s imports %s, which is below %s", f.path, imported, pattern)
			}
		}
	}
}

// call is a function that only some places may call.
type call struct {
	pkg, name string
	// allowed are the directories or files that may; the reason stands beside
	// each.
	allowed []string
}

var calls = []call{
	// The clock of use cases is a port. Latencies and connection housekeeping
	// are nobody's behaviour.
	{"time", "Now", []string{"pkg/", "gateway/internal/edge", "deploy/", "test/"}},
	// Configuration comes in as a struct.
	{"os", "Getenv", []string{"pkg/footprint", "pkg/service", "pkg/pgtest", "pkg/obs", "deploy/", "test/", "gateway/cmd"}},
	// A context comes from the caller; programs and test harnesses make the
	// first one.
	{"context", "Background", []string{
		"pkg/grpcx/status.go", "pkg/service/main.go", "pkg/pgtest", "pkg/grpctest", "pkg/natstest", "deploy/local/cmd", "gateway/cmd",
		"gateway/internal/docs/generate", "test/",
	}},
	// The default client has no time-out and follows redirects anywhere.
	{"http", "DefaultClient", []string{"test/"}},
	{"http", "Get", []string{"test/"}},
	{"http", "Post", []string{"test/"}},
}

func TestCalls_onlyWhereAllowed(t *testing.T) {
	for _, f := range files(t) {
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := selector.X.(*ast.Ident)
			if !ok || pkg.Obj != nil {
				return true
			}
			for _, c := range calls {
				if pkg.Name != c.pkg || selector.Sel.Name != c.name {
					continue
				}
				if !slices.ContainsFunc(c.allowed, func(place string) bool { return strings.HasPrefix(f.path, place) }) {
					t.Errorf("%s uses %s.%s", f.path, c.pkg, c.name)
				}
			}
			return true
		})
	}
}

// Every service looks alike: what one has, all have.
func TestServices_haveOneSkeleton(t *testing.T) {
	byService := map[string][]string{}
	for _, f := range files(t) {
		if rest, ok := strings.CutPrefix(f.path, "services/"); ok {
			service, inner, _ := strings.Cut(rest, "/")
			byService[service] = append(byService[service], inner)
		}
	}
	for _, service := range []string{"identity", "sessions", "teams", "notifications", "payments"} {
		for _, want := range []string{service + ".go", "cmd/" + service + "/main.go"} {
			if !slices.Contains(byService[service], want) {
				t.Errorf("services/%s has no %s", service, want)
			}
		}
	}
}

// Nothing is named after what it is not.
func TestPackages_haveTellingNames(t *testing.T) {
	vague := []string{"util", "utils", "common", "helper", "helpers", "manager", "base", "misc", "data", "info", "impl"}
	for _, f := range files(t) {
		if name := f.syntax.Name.Name; slices.Contains(vague, name) {
			t.Errorf("%s is in package %s", f.path, name)
		}
	}
}

// inService splits services/<service>/internal/<inner>.
func inService(dir string) (service, inner string, ok bool) {
	rest, ok := strings.CutPrefix(dir, "services/")
	if !ok {
		return "", "", false
	}
	service, inner, _ = strings.Cut(rest, "/")
	return service, strings.TrimPrefix(inner, "internal/"), true
}

// below reports which of the patterns the import path is or lies below. A
// pattern that ends in $ means the path alone.
func below(imported string, patterns []string) (string, bool) {
	for _, pattern := range patterns {
		exact, only := strings.CutSuffix(pattern, "$")
		if imported == exact || !only && strings.HasPrefix(imported, pattern+"/") {
			return pattern, true
		}
	}
	return "", false
}
