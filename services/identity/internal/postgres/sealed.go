package postgres

import "vestibule.dev/pkg/rewrap"

// Sealed are the columns of sealed values: second factors, what is known from
// providers, and the secrets in configurations.
func Sealed() []rewrap.Column {
	return []rewrap.Column{
		{Table: "users", Name: "totp_secret"},
		{Table: "oauth_authorizations", Name: "request"},
		{Table: "oauth_tokens", Name: "token"},
		{Table: "config_overrides", Name: "document", Documents: &rewrap.Documents{
			Type: "json", Where: "level = 'environment'", Replace: replaceSealed,
		}},
	}
}
