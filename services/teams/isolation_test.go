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
