package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Statements of workers are for all projects: no caller comes near them. Their
// names say so.
var workerVerbs = regexp.MustCompile(`^(?:Sweep|Purge|Forget|Claim|Release|Terminate|Park|Queue|Queued|Due|Expire|Tidy)[A-Z]`)

// exceptions are statements that find a row by something that names no project,
// each with what keeps tenants apart there.
var exceptions = map[string]string{
	"identity/EnvironmentOverrides":         "for all projects: a worker seals their secrets",
	"identity/Image":                        "images are public, under random names",
	"identity/OAuthAuthorization":           "whoever holds the state of the authorization may use it",
	"teams/Image":                           "images are public, under random names",
	"sessions/FindAPIKeyAnywhere":           "whoever holds the key may revoke it",
	"sessions/AudiencesDue":                 "for all projects: a worker rotates keys",
	"notifications/FailedEmails":            "for the operators of the platform: a scheduled call with the installation's secret",
	"notifications/MailQueueStatus":         "for the operators of the platform: two numbers",
	"notifications/MailingQueueStatus":      "for the operators of the platform: two numbers",
	"notifications/WebhookQueueStatus":      "for the operators of the platform: two numbers",
	"notifications/RecentlyDeletedProjects": "for all projects: a worker tidies up",
	"notifications/SpendUnsubscribeLink":    "whoever holds the code of the link may use it",
	"notifications/UnsubscribeLinkState":    "whoever holds the code of the link may use it",
	"payments/Tenancy":                      "Stripe names a tenancy by an id of ours",
	"payments/TenantOfStripeAccount":        "Stripe names an account of its own",
}

var (
	comment     = regexp.MustCompile(`--[^\n]*`)
	createTable = regexp.MustCompile(`(?s)CREATE TABLE (?:IF NOT EXISTS )?(\w+) \((.*?)\n\)`)
	tenantWord  = regexp.MustCompile(`\bproject_id\b`)
	reference   = regexp.MustCompile(`\b(?:FROM|JOIN|UPDATE|INTO|USING)\s+(\w+)`)
	// condition is the tenant compared with something, alone or in a row of
	// columns, or written down.
	condition = regexp.MustCompile(`\bproject_id\s*=|\bproject_id\s+IN\b|\(\s*(?:\w+\.)?project_id\s*,[^()]*\)\s*(?:IN\b|=|>|<)|USING\s*\(\s*project_id`)
	insertion = regexp.MustCompile(`INSERT INTO \w+(?: AS \w+)?\s*\([^)]*\bproject_id\b`)
)

// Every statement names its project, once for each table it reads or writes that
// belongs to projects (R3). It is what keeps tenants apart; row-level security is
// there for the statement that gets past this test: see
// docs/adr/0021-row-level-security-as-second-belt.md.
func TestQueries_everyTable_isAskedForOneProject(t *testing.T) {
	tenantTables := map[string]bool{}
	for _, path := range glob(t, "services/*/migrations/*.sql", "pkg/*/migrations/*.sql") {
		for _, match := range createTable.FindAllStringSubmatch(comment.ReplaceAllString(read(t, path), ""), -1) {
			if tenantWord.MatchString(match[2]) {
				tenantTables[match[1]] = true
			}
		}
	}
	if len(tenantTables) < 20 {
		t.Fatalf("only %d tables belong to projects: the search is broken", len(tenantTables))
	}
	statements := 0
	for _, path := range glob(t, "services/*/internal/postgres/queries/*.sql") {
		service := strings.Split(filepath.ToSlash(path), "/")[3]
		for _, part := range strings.Split("\n"+read(t, path), "\n-- name: ")[1:] {
			statements++
			head, body, _ := strings.Cut(part, "\n")
			name, _, _ := strings.Cut(head, " ")
			body = comment.ReplaceAllString(body, "")
			references := 0
			for _, match := range reference.FindAllStringSubmatch(body, -1) {
				if tenantTables[match[1]] {
					references++
				}
			}
			named := len(condition.FindAllString(body, -1)) + len(insertion.FindAllString(body, -1))
			if named >= references || workerVerbs.MatchString(name) {
				continue
			}
			if exceptions[service+"/"+name] == "" {
				t.Errorf("%s, %s: names %d tables of projects and its project %d times; name it for each, or say in test/arch/queries_test.go what keeps tenants apart", path, name, references, named)
			}
		}
	}
	if statements < 100 {
		t.Errorf("only %d statements: the search is broken", statements)
	}
}

func glob(t *testing.T, patterns ...string) []string {
	t.Helper()
	var found []string
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
