// Package events says what the sessions context publishes and what it does
// about the facts of others.
package events
