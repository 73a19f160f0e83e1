package check

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the tables of docs/operations.md")

// table is one section of the tables: the directories whose variables it lists.
var tables = []struct {
	title, prefix string
	dirs          []string
}{
	{"All services", "<SERVICE>_", []string{"pkg/service"}},
	{"Certificates, all processes", "<PROCESS>_", []string{"pkg/mtls"}},
	{"gateway", "GATEWAY_", []string{"gateway"}},
	{"identity", "IDENTITY_", []string{"services/identity"}},
	{"sessions", "SESSIONS_", []string{"services/sessions"}},
	{"teams", "TEAMS_", []string{"services/teams"}},
	{"notifications", "NOTIFICATIONS_", []string{"services/notifications"}},
	{"payments", "PAYMENTS_", []string{"services/payments"}},
}

// environment renders what processes read, with the comments of the code.
func environment(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	for _, table := range tables {
		var rows []string
		seen := map[string]bool{}
		told := map[string]bool{}
		for _, dir := range table.dirs {
			structs(t, dir, func(fields *ast.StructType, prefixes []string) {
				prefix := prefixes[0]
				if len(prefixes) > 1 {
					// One for each of several types, as OAUTH_GITHUB_ and OAUTH_X_.
					prefix = prefix[:strings.IndexByte(prefix, '_')+1] + "<TYPE>_"
				}
				for _, field := range fields.Fields.List {
					row, name := row(field, prefix)
					if name == "" {
						continue
					}
					seen[name] = true
					// A command that reads a variable of the service leaves the
					// explanation to it.
					if field.Doc != nil && !told[name] {
						told[name] = true
						rows = append(rows, row)
					}
				}
			})
		}
		for name := range seen {
			if !told[name] {
				t.Errorf("%s: nobody says what %s%s is", table.title, table.prefix, name)
			}
		}
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(&out, "\n#### %s: `%s…`\n\n| variable | default | |\n|---|---|---|\n%s\n", table.title, table.prefix, strings.Join(rows, "\n"))
	}
	return out.String()
}

func row(field *ast.Field, prefix string) (text, name string) {
	name, options, _ := strings.Cut(tagOf(field, "env"), ",")
	if name == "" {
		return "", ""
	}
	name = prefix + name
	standard := tagOf(field, "envDefault")
	switch {
	case strings.Contains(options, "required"):
		standard = "required"
	case standard != "":
		standard = "`" + standard + "`"
	}
	doc := strings.Join(strings.Fields(field.Doc.Text()), " ")
	// Comments begin with the field's name, which says nothing here.
	if len(field.Names) == 1 {
		doc = strings.TrimPrefix(doc, field.Names[0].Name+" ")
	}
	return fmt.Sprintf("| `%s` | %s | %s |", name, standard, strings.ReplaceAll(doc, "|", "\\|")), name
}

const begin, end = "<!-- tables: written by GOWORK=off go test -run Operations . -update in deploy/check -->", "<!-- end of tables -->"

func TestOperations_tables_areThoseOfTheCode(t *testing.T) {
	path := filepath.Join(root, "docs", "operations.md")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(content), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the tables", path)
	}
	want := before + begin + "\n" + environment(t) + "\n" + end + after
	if want == string(content) {
		return
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s is out of date: cd deploy/check && GOWORK=off go test -run Operations . -update", path)
}

// What alerts point to is there.
func TestOperations_runbooks_exist(t *testing.T) {
	alerts, err := os.ReadFile(filepath.Join(root, "deploy", "helm", "observability", "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for line := range strings.Lines(string(content)) {
		if title, ok := strings.CutPrefix(strings.TrimSpace(line), "### "); ok {
			headings[strings.ReplaceAll(strings.ToLower(title), " ", "-")] = true
		}
	}
	found := 0
	for line := range strings.Lines(string(alerts)) {
		if _, anchor, ok := strings.Cut(strings.TrimSpace(line), "docs/operations.md#"); ok {
			found++
			if anchor = strings.Trim(anchor, `"`); !headings[anchor] {
				t.Errorf("docs/operations.md has no section %s", anchor)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d alerts name a section", found)
	}
}
