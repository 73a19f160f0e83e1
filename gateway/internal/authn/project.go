package authn

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/cache"
	"vestibule.dev/pkg/clock"
	identityv1 "vestibule.dev/proto/identity/v1"
)

const (
	// projectLife bounds how long a revoked key or a changed configuration may
	// go unnoticed when the message about it was lost.
	projectLife = 10 * time.Second
	// projectsCached bounds memory; an entry has about 1 KiB.
	projectsCached = 10_000
	// loadTimeout is for the calls of this package to identity and sessions.
	loadTimeout = 3 * time.Second
)

// keyKind tells the three keys of a set apart.
type keyKind uint8

const (
	keyClient keyKind = iota
	keyServer
	keyAdmin
)

// projectAccess is what authentication needs to know about a project.
type projectAccess struct {
	id            string
	version       int64
	clientKeyMust bool
	branches      []string
	keys          []projectKeys
}

type projectKeys struct {
	// id is that of the set.
	id      string
	hashes  [3][]byte
	expires time.Time
}

func (p *projectAccess) hasBranch(id string) bool { return slices.Contains(p.branches, id) }

// holds reports whether key is a valid key of the project, and of which set. All
// sets are compared, so that the time taken says nothing about which one fits.
func (p *projectAccess) holds(kind keyKind, key string, now time.Time) (keySetID string, ok bool) {
	sum := sha256.Sum256([]byte(key))
	found := -1
	for i := range p.keys {
		k := &p.keys[i]
		fits := subtle.ConstantTimeCompare(k.hashes[kind], sum[:])
		if !k.expires.IsZero() && !now.Before(k.expires) {
			fits = 0
		}
		found = subtle.ConstantTimeSelect(fits, i, found)
	}
	if found < 0 {
		return "", false
	}
	return p.keys[found].id, true
}

// Projects looks projects up at identity and remembers them for seconds.
type Projects struct {
	known *cache.Lookup[projectAccess] // nil for an unknown project
}

// NewProjects returns an empty cache in front of identity.
func NewProjects(client identityv1.ProjectInternalServiceClient, c clock.Clock) *Projects {
	return &Projects{cache.NewLookup(cache.LookupOptions[projectAccess]{
		Ask: func(ctx context.Context, id string) (*projectAccess, error) {
			res, err := client.GetProjectAccess(ctx, &identityv1.GetProjectAccessRequest{ProjectId: id})
			if err != nil || !res.GetFound() {
				return nil, err
			}
			return newProjectAccess(res), nil
		},
		Timeout: loadTimeout, Life: projectLife, MaxEntries: projectsCached, Clock: c,
	})}
}

// Drop forgets a project, because it changed.
func (p *Projects) Drop(projectID string) { p.known.Drop(projectID) }

// get returns nil for an unknown project. Its error is 503.
func (p *Projects) get(ctx context.Context, projectID string) (*projectAccess, error) {
	access, err := p.known.Get(ctx, projectID)
	if err != nil {
		return nil, apierr.Unavailable(time.Second).WithCause(err)
	}
	return access, nil
}

func newProjectAccess(res *identityv1.GetProjectAccessResponse) *projectAccess {
	access := &projectAccess{
		id:            res.GetProjectId(),
		version:       res.GetConfigVersion(),
		clientKeyMust: res.GetRequirePublishableClientKey(),
		branches:      res.GetBranches(),
	}
	for _, set := range res.GetKeySets() {
		k := projectKeys{id: set.GetId(), hashes: [3][]byte{
			keyClient: set.GetPublishableClientKeyHash(),
			keyServer: set.GetSecretServerKeyHash(),
			keyAdmin:  set.GetSuperSecretAdminKeyHash(),
		}}
		if set.GetExpiresAt() != nil {
			k.expires = set.GetExpiresAt().AsTime()
		}
		access.keys = append(access.keys, k)
	}
	return access
}
