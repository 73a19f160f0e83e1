package postgres

import "vestibule.dev/pkg/rewrap"

// Sealed are the columns of sealed values: what mails say and what webhooks are
// signed with.
func Sealed() []rewrap.Column {
	return []rewrap.Column{
		{Table: "emails", Name: "variables"},
		{Table: "emails", Name: "rendered"},
		{Table: "mailings", Name: "email"},
		{Table: "webhook_endpoints", Name: "secret"},
		{Table: "webhook_endpoints", Name: "old_secret"},
	}
}
