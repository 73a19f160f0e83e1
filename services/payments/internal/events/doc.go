// Package events turns the facts of the payments context into their published
// form and the facts of others into use cases.
package events
