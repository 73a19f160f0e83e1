// Package events publishes the facts of the identity context and follows those
// of others.
package events
