// Package letter promises a finished mail (subject, HTML and plain text) for a
// template, a theme and values, in which every link occurs once in plain text.
//
// It holds the built-in templates and themes, which exist in every project
// (notifications.md §4.1, §4.3).
package letter
