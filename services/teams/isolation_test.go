package teams_test

import (
	"testing"

	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/services/teams"
)

// R3: what a statement forgets to say, the database knows.
func TestTables_workForOneProject_touchesNoOther(t *testing.T) {
	pgtest.Isolation(t, teams.Command().Sources(), nil)
}

// What is sealed and not listed would be lost with the key it is sealed under.
func TestSealed_everyColumnOfBytes_isListed(t *testing.T) {
	pgtest.Sealed(t, teams.Command().Sources(), teams.Command().Sealed, map[string]string{
		"images.bytes": "public, under random names",
	})
}
