package authn

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/cache"
	"vestibule.dev/pkg/clock"
	identityv1 "vestibule.dev/proto/identity/v1"
)

const (
	// projectLife bounds how long a revoked key or a changed configuration may
	// go unnoticed when the message about it was lost.
	projectLife = 10 * time.Second
	// unknownLife is shorter: a project that was asked for before it existed
	// should not seem to be missing for long.
	unknownLife = 2 * time.Second
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
	client identityv1.ProjectInternalServiceClient
	clock  clock.Clock
	cache  *cache.Cache[string, projectEntry]
	loads  singleflight.Group
	// generation grows with every drop, so that an answer that was under way
	// during one is not remembered. mu holds it together with the cache.
	mu         sync.Mutex
	generation uint64
}

type projectEntry struct {
	access *projectAccess // nil for an unknown project
	until  time.Time
}

// NewProjects returns an empty cache in front of identity.
func NewProjects(client identityv1.ProjectInternalServiceClient, c clock.Clock) *Projects {
	return &Projects{client: client, clock: c, cache: cache.New(cache.Options[string, projectEntry]{MaxEntries: projectsCached})}
}

// Drop forgets a project, because it changed.
func (p *Projects) Drop(projectID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.generation++
	p.loads.Forget(projectID)
	p.cache.Drop(projectID)
}

// get returns nil for an unknown project. Its error is 503.
func (p *Projects) get(ctx context.Context, projectID string) (*projectAccess, error) {
	if e, ok := p.cache.Get(projectID); ok && p.clock.Now().Before(e.until) {
		return e.access, nil
	}
	loaded, err, _ := p.loads.Do(projectID, func() (any, error) {
		// Others wait for this call; it must not end with the request that
		// happens to make it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		return p.load(ctx, projectID)
	})
	if err != nil {
		return nil, apierr.Unavailable(time.Second).WithCause(err)
	}
	return loaded.(*projectAccess), nil
}

func (p *Projects) load(ctx context.Context, projectID string) (*projectAccess, error) {
	p.mu.Lock()
	generation := p.generation
	p.mu.Unlock()
	res, err := p.client.GetProjectAccess(ctx, &identityv1.GetProjectAccessRequest{ProjectId: projectID})
	if err != nil {
		return nil, err
	}
	e := projectEntry{until: p.clock.Now().Add(unknownLife)}
	if res.GetFound() {
		e = projectEntry{access: newProjectAccess(res), until: p.clock.Now().Add(projectLife)}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.generation == generation {
		p.cache.Set(projectID, e)
	}
	return e.access, nil
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
