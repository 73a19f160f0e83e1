package domain

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"vestibule.dev/pkg/ids"
)

// PublicClientSecret is the client secret of a client that has none
// (auth.md §9.1).
const PublicClientSecret = "__stack_public_client__"

// Project is what is needed to know the clients of a project.
type Project struct {
	ID                          string
	RequirePublishableClientKey bool
	Branches                    []string
	Keys                        []PublishableKey
}

// PublishableKey is a publishable client key that is not revoked.
type PublishableKey struct {
	// Hash is SHA-256 of the key.
	Hash []byte
	// ExpiresAt is the zero time when the key does not expire.
	ExpiresAt time.Time
}

// HasBranch reports whether the project has the branch.
func (p *Project) HasBranch(id string) bool { return slices.Contains(p.Branches, id) }

// AcceptsKey reports whether a publishable client key is valid.
func (p *Project) AcceptsKey(text string, now time.Time) bool {
	hash := sha256.Sum256([]byte(text))
	return slices.ContainsFunc(p.Keys, func(key PublishableKey) bool {
		return bytes.Equal(key.Hash, hash[:]) && (key.ExpiresAt.IsZero() || now.Before(key.ExpiresAt))
	})
}

// ParseClientID reads an OAuth client id: a project id, optionally followed by
// # and a branch id.
func ParseClientID(text string) ids.Tenant {
	projectID, branchID, found := strings.Cut(text, "#")
	if !found {
		branchID = MainBranch
	}
	return ids.Tenant{ProjectID: projectID, BranchID: branchID}
}
