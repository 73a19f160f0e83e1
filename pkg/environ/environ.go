// Package environ promises that every process reads its configuration alike:
// from variables that begin with the process's name, each of which may name a
// file that holds the value instead, as mounted secrets do.
package environ

import (
	"fmt"
	"os"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Prefix begins the variables of a process, such as TEAMS_ for teams.
func Prefix(process string) string { return strings.ToUpper(process) + "_" }

// Load fills a struct with env tags from the variables of one process, given
// like os.Environ. <NAME>_FILE names a file that holds the value of <NAME>,
// without surrounding white space; the variable itself wins.
func Load(environ []string, process string, into any) error {
	prefix := Prefix(process)
	values := env.ToMap(environ)
	for name, path := range values {
		plain, isFile := strings.CutSuffix(name, "_FILE")
		if !isFile || path == "" || !strings.HasPrefix(name, prefix) {
			continue
		}
		if _, given := values[plain]; given {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("configuration of %s: %s: %w", process, name, err)
		}
		values[plain] = strings.TrimSpace(string(content))
	}
	if err := env.ParseWithOptions(into, env.Options{Prefix: prefix, Environment: values}); err != nil {
		return fmt.Errorf("configuration of %s: %w", process, err)
	}
	return nil
}
