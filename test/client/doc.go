// Package client promises the API as one caller sees it: a Client holds the
// credentials of one caller, a Mailbox reads what the system mailed, and
// NewProject opens a project as an operator does.
//
// It hides nothing: every answer comes back with its status, headers and body,
// errors of the API included.
package client
