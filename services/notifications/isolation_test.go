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

// What is sealed and not listed would be lost with the key it is sealed under.
func TestSealed_everyColumnOfBytes_isListed(t *testing.T) {
	pgtest.Sealed(t, notifications.Command().Sources(), notifications.Command().Sealed, map[string]string{
		"unsubscribe_links.code_hash":    "a hash",
		"refused_addresses.address_hash": "a hash",
	})
}
