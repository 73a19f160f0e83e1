package sessions_test

import (
	"testing"

	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/services/sessions"
)

// R3: what a statement forgets to say, the database knows.
func TestTables_workForOneProject_touchesNoOther(t *testing.T) {
	pgtest.Isolation(t, sessions.Command().Sources(), nil)
}

// What is sealed and not listed would be lost with the key it is sealed under.
func TestSealed_everyColumnOfBytes_isListed(t *testing.T) {
	pgtest.Sealed(t, sessions.Command().Sources(), sessions.Command().Sealed, map[string]string{
		"sessions.token_hash":           "a hash",
		"signing_keys.x":                "public",
		"signing_keys.y":                "public",
		"api_keys.key_hash":             "a hash",
		"cli_logins.polling_code_hash":  "a hash",
		"cli_logins.login_code_hash":    "a hash",
		"authorization_codes.code_hash": "a hash",
	})
}
