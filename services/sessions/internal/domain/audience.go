package domain

import (
	"strings"

	"vestibule.dev/pkg/ids"
)

// Kind tells apart the users of a project by what their tokens are good for,
// so that a verifier that trusts ordinary users only needs no code to refuse
// the others.
type Kind uint8

// Kinds of users. An anonymous user is restricted too and counts as anonymous.
const (
	Ordinary Kind = iota
	Restricted
	Anonymous
)

// kinds holds the spelling of each kind in audience and issuer (auth.md §2.2).
var kinds = [...]struct{ suffix, collection string }{
	Ordinary:   {"", "projects"},
	Restricted: {":restricted", "projects-restricted-users"},
	Anonymous:  {":anon", "projects-anonymous-users"},
}

// Kinds lists all kinds.
func Kinds() []Kind { return []Kind{Ordinary, Restricted, Anonymous} }

// Audience is whom access tokens of one kind of users of one project are for.
// Every audience has signing keys of its own.
type Audience struct {
	ProjectID string
	Kind      Kind
}

// ParseAudience reads the aud claim. It reports false for a text that can name
// no project.
func ParseAudience(text string) (Audience, bool) {
	projectID, suffix, found := strings.Cut(text, ":")
	if found {
		suffix = ":" + suffix
	}
	for kind, spelling := range kinds {
		if spelling.suffix == suffix && ValidProjectID(projectID) {
			return Audience{ProjectID: projectID, Kind: Kind(kind)}, true
		}
	}
	return Audience{}, false
}

// String returns the aud claim.
func (a Audience) String() string { return a.ProjectID + kinds[a.Kind].suffix }

// Issuer returns the iss claim for an API at origin.
func (a Audience) Issuer(origin string) string {
	return origin + "/api/v1/" + kinds[a.Kind].collection + "/" + a.ProjectID
}

// ValidProjectID reports whether a project of that id can exist.
func ValidProjectID(id string) bool { return id == "internal" || ids.ValidUUID(id) }
