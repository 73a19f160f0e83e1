package notifications_test

import (
	"testing"

	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/services/notifications"
)

// R3: what a statement forgets to say, the database knows.
func TestTables_workForOneProject_touchesNoOther(t *testing.T) {
	pgtest.Isolation(t, notifications.Command().Sources(), map[string]string{
		"email_queue_steps": "one row for the workers of all replicas",
	})
}
