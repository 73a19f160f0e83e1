package check

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

var services = []string{"identity", "sessions", "teams", "notifications", "payments"}

var processes = append([]string{"gateway"}, services...)

// sources are the directories whose structs with env tags a process reads.
func sources(process string) []string {
	if process == "gateway" {
		return []string{"gateway", "pkg/mtls"}
	}
	return []string{"services/" + process, "pkg/service", "pkg/mtls"}
}

// variables are the names that a process reads from its environment, with its
// prefix, and whether it does not start without them. Each may also be given as
// <NAME>_FILE.
func variables(t *testing.T, process string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, dir := range sources(process) {
		structs(t, dir, func(fields *ast.StructType, prefixes []string) {
			for _, field := range fields.Fields.List {
				name, options, _ := strings.Cut(tagOf(field, "env"), ",")
				if name == "" {
					continue
				}
				for _, prefix := range prefixes {
					full := strings.ToUpper(process) + "_" + prefix + name
					found[full] = found[full] || strings.Contains(options, "required")
				}
			}
		})
	}
	if len(found) < 10 {
		t.Fatalf("%s reads only %d variables: the search is broken", process, len(found))
	}
	return found
}

// structs visits the structs of a directory, each with what the fields that have
// its type put before the names of its variables.
func structs(t *testing.T, dir string, visit func(fields *ast.StructType, prefixes []string)) {
	t.Helper()
	prefixes := map[string][]string{}
	walk(t, dir, func(_ string, file *ast.File) {
		ast.Inspect(file, func(node ast.Node) bool {
			if field, ok := node.(*ast.Field); ok {
				if prefix := tagOf(field, "envPrefix"); prefix != "" {
					name := field.Type.(*ast.Ident).Name
					prefixes[name] = append(prefixes[name], prefix)
				}
			}
			return true
		})
	})
	walk(t, dir, func(_ string, file *ast.File) {
		names := map[ast.Node]string{}
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.TypeSpec:
				names[node.Type] = node.Name.Name
			case *ast.StructType:
				of := prefixes[names[node]]
				if len(of) == 0 {
					of = []string{""}
				}
				visit(node, of)
			}
			return true
		})
	})
}

// tagOf is a field's tag of that name, or "".
func tagOf(field *ast.Field, name string) string {
	if field.Tag == nil {
		return ""
	}
	tag, err := strconv.Unquote(field.Tag.Value)
	if err != nil {
		return ""
	}
	return reflect.StructTag(tag).Get(name)
}

// walk visits the Go files below a directory of the repository, tests left out.
func walk(t *testing.T, dir string, visit func(path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(root, dir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		visit(path, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// known reports whether a process reads a variable.
func known(variables map[string]bool, name string) bool {
	if _, ok := variables[name]; ok {
		return true
	}
	plain, isFile := strings.CutSuffix(name, "_FILE")
	_, ok := variables[plain]
	return isFile && ok
}

var dialed = regexp.MustCompile(`^(identity|sessions|teams|notifications|payments)$`)

// calls are the contexts that a service asks, as its wiring says: whom it dials,
// notifications when it hands mails over, and the owner of projects, who is asked
// about every project's configuration and on behalf of backends.
func calls(t *testing.T, service string) []string {
	t.Helper()
	found := map[string]bool{}
	if service != "identity" {
		found["identity"] = true
	}
	walk(t, "services/"+service, func(_ string, file *ast.File) {
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			selector, ok := call.Fun.(*ast.SelectorExpr)
			switch {
			case !ok:
			case selector.Sel.Name == "HandOverMails":
				found["notifications"] = true
			case selector.Sel.Name == "Dial" && len(call.Args) == 2:
				literal, ok := call.Args[1].(*ast.BasicLit)
				if !ok {
					break
				}
				if name, err := strconv.Unquote(literal.Value); err == nil && dialed.MatchString(name) {
					found[name] = true
				}
			}
			return true
		})
	})
	var names []string
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
