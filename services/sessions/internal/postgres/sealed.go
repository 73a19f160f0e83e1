package postgres

import "vestibule.dev/pkg/rewrap"

// Sealed are the columns of sealed values: the private keys of audiences, and
// refresh tokens until they are handed over.
func Sealed() []rewrap.Column {
	return []rewrap.Column{
		{Table: "signing_keys", Name: "private_key"},
		{Table: "cli_logins", Name: "anonymous_session"},
		{Table: "cli_logins", Name: "completed_session"},
		{Table: "authorization_codes", Name: "handed_over_refresh_token"},
	}
}
