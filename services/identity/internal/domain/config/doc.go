// Package config decides what a project's configuration says: it parses and
// validates override documents, puts the three levels together over the
// defaults, and renders the one complete configuration that every behaviour
// switch reads.
//
// A [Document] is one stored override. Its keys may be nested, dotted, or both,
// and their order is kept because it carries meaning: the first price of a
// product is the one that counts. Keep documents in text or json columns; jsonb
// reorders keys. A Document can only be made by this package, so every Document
// is valid for its level, and [Render] needs neither an error nor a check.
//
// All rules about keys (path, level, type, default) are rows of one table in
// keys.go. Validation, defaults, rendering and [Reference] are derived from it.
//
// Validation of overrides is deliberately shallow, as in the API contract:
// JSON types, enumerations, number ranges, levels and unknown keys are refused;
// string patterns and lengths are not, except UUID record keys everywhere and
// record keys written as part of a dotted key. The legacy nested configuration
// ([LegacyPatch]) is checked in depth.
//
// The package is pure: no I/O, no clock, no randomness of its own. Values are
// never changed after construction, so all types are safe for concurrent use.
package config
