package identity_test

import (
	"testing"

	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/services/identity"
)

// R3: what a statement forgets to say, the database knows.
func TestTables_workForOneProject_touchesNoOther(t *testing.T) {
	pgtest.Isolation(t, identity.Command().Sources(), nil)
}

// What is sealed and not listed would be lost with the key it is sealed under.
func TestSealed_everyColumnOfBytes_isListed(t *testing.T) {
	pgtest.Sealed(t, identity.Command().Sources(), identity.Command().Sealed, map[string]string{
		"api_key_sets.publishable_client_key_hash": "a hash",
		"api_key_sets.secret_server_key_hash":      "a hash",
		"api_key_sets.super_secret_admin_key_hash": "a hash",
		"oauth_authorizations.state_hash":          "a hash",
		"passkeys.public_key":                      "public",
		"images.bytes":                             "public, under random names",
	})
}
