package postgres

import "vestibule.dev/pkg/rewrap"

// Sealed are the columns of sealed values: the answers kept for repeated
// requests.
func Sealed() []rewrap.Column {
	return []rewrap.Column{
		{Table: "idempotency_keys", Name: "sealed_answer"},
	}
}
