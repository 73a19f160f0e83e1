// Package projectconfig promises every service the same reading of a project's
// configuration, never older than the request it serves.
//
// Identity owns and renders the configuration: the JSON in which defaults and
// the three levels of overrides are already merged. [Parse] gives it types,
// [Cache] keeps it by version, and [Config.TrustedURL] answers the one question
// that several services ask of it.
package projectconfig
