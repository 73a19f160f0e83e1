package grpcapi

import (
	"bytes"
	_ "embed"
)

//go:embed pages/unsubscribed.html
var unsubscribed []byte

// What people see who follow the unsubscribe link of a mail. The pages hold
// nothing of the request.
var (
	unsubscribedPage       = sentence("You will receive no more mails of this kind.")
	unsubscribedBeforePage = sentence("You had unsubscribed from mails of this kind already. Nothing has changed.")
)

func sentence(text string) []byte {
	return bytes.ReplaceAll(unsubscribed, []byte("SENTENCE"), []byte(text))
}
