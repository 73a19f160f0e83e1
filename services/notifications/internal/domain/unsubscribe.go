package domain

import "time"

// UnsubscribeTTL is how long the link in a mail works.
const UnsubscribeTTL = 30 * 24 * time.Hour

// UnsubscribeLink is the way out of a category that a mail offers to its
// recipient.
type UnsubscribeLink struct {
	// Code is 45 random characters.
	Code               string
	UserID, CategoryID string
	URL                string
}
