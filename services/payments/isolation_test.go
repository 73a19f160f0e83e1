package payments_test

import (
	"testing"

	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/services/payments"
)

// R3: what a statement forgets to say, the database knows.
func TestTables_workForOneProject_touchesNoOther(t *testing.T) {
	pgtest.Isolation(t, payments.Command().Sources(), map[string]string{
		"stripe_endings": "for a worker; the account stands for the project, which may be gone",
	})
}

// What is sealed and not listed would be lost with the key it is sealed under.
func TestSealed_everyColumnOfBytes_isListed(t *testing.T) {
	pgtest.Sealed(t, payments.Command().Sources(), payments.Command().Sealed, map[string]string{
		"idempotency_keys.fingerprint": "a hash",
	})
}
