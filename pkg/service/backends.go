package service

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/cache"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/rate"
	"vestibule.dev/pkg/runner"
	identityv1 "vestibule.dev/proto/identity/v1"
)

// projectOwner is the context that owns projects.
const projectOwner = "identity"

const (
	// projectLife bounds how long a deleted project or a changed configuration
	// may go unnoticed by calls of backends when the message about it was lost.
	projectLife = 10 * time.Second
	// unknownLife is shorter: a project that was asked for before it existed
	// should not seem to be missing for long.
	unknownLife = 2 * time.Second
	// projectsCached bounds memory; an entry has under 200 bytes.
	projectsCached = 10_000
	lookUpTimeout  = 3 * time.Second
)

// backends is how the operator's own backends are let in.
func (p *Platform) backends(ctx context.Context) (grpcx.Backends, error) {
	if p.Config.BackendRatePerMinute < 0 {
		return grpcx.Backends{}, fmt.Errorf("%sBACKEND_RATE_PER_MINUTE is negative", prefix(p.Name))
	}
	b := grpcx.Backends{Rate: rate.PerMinute(p.Config.BackendRatePerMinute)}
	if p.identity != nil {
		b.Certified = p.identity.Granted()
	}
	if text := p.Config.CredentialPublicKeys; text != "" {
		keys, err := principal.ParsePublicKeys(text)
		if err != nil {
			return b, fmt.Errorf("%sCREDENTIAL_PUBLIC_KEYS: %w", prefix(p.Name), err)
		}
		if b.Verifier, err = principal.NewCredentialVerifier(p.Clock, keys, p.Config.CredentialsRevoked...); err != nil {
			return b, err
		}
	}
	if b.Verifier == nil && len(b.Certified) == 0 {
		return b, nil
	}
	if p.Name != projectOwner {
		conn, err := p.Dial(ctx, projectOwner)
		if err != nil {
			return b, err
		}
		p.lookUpProject = askOwner(identityv1.NewProjectInternalServiceClient(conn))
	}
	projects := newProjects(func(ctx context.Context, id string) (*grpcx.Project, error) {
		return p.lookUpProject(ctx, id)
	}, p.Clock)
	b.LookUp = projects.get
	p.group.Add(runner.Workers, "project changes for backends", func(ctx context.Context) error {
		return p.Bus.SubscribeCore(ctx, ProjectChanged, func(id []byte) { projects.drop(string(id)) })
	})
	return b, nil
}

// LookUpProjects says how to find projects, which is for their owner alone; all
// others ask it.
func (p *Platform) LookUpProjects(lookUp grpcx.ProjectLookup) { p.lookUpProject = lookUp }

func askOwner(client identityv1.ProjectInternalServiceClient) grpcx.ProjectLookup {
	return func(ctx context.Context, projectID string) (*grpcx.Project, error) {
		res, err := client.GetProjectAccess(ctx, &identityv1.GetProjectAccessRequest{ProjectId: projectID})
		if err != nil || !res.GetFound() {
			return nil, err
		}
		return &grpcx.Project{ConfigVersion: res.GetConfigVersion(), Branches: res.GetBranches()}, nil
	}
}

// projects remembers for seconds what identity says.
type projects struct {
	ask   grpcx.ProjectLookup
	clock clock.Clock
	cache *cache.Cache[string, projectEntry]
	loads singleflight.Group
	// generation grows with every drop, so that an answer that was under way
	// during one is not remembered. mu holds it together with the cache.
	mu         sync.Mutex
	generation uint64
}

type projectEntry struct {
	project *grpcx.Project // nil for an unknown one
	until   time.Time
}

func newProjects(ask grpcx.ProjectLookup, c clock.Clock) *projects {
	return &projects{ask: ask, clock: c, cache: cache.New(cache.Options[string, projectEntry]{MaxEntries: projectsCached})}
}

func (p *projects) drop(projectID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.generation++
	p.loads.Forget(projectID)
	p.cache.Drop(projectID)
}

// get implements grpcx.ProjectLookup.
func (p *projects) get(ctx context.Context, projectID string) (*grpcx.Project, error) {
	if e, ok := p.cache.Get(projectID); ok && p.clock.Now().Before(e.until) {
		return e.project, nil
	}
	loaded, err, _ := p.loads.Do(projectID, func() (any, error) {
		// Others wait for this answer; it must not end with the request that
		// happens to ask.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookUpTimeout)
		defer cancel()
		return p.load(ctx, projectID)
	})
	if err != nil {
		return nil, apierr.Unavailable(time.Second).WithCause(err)
	}
	return loaded.(*grpcx.Project), nil
}

func (p *projects) load(ctx context.Context, projectID string) (*grpcx.Project, error) {
	p.mu.Lock()
	generation := p.generation
	p.mu.Unlock()
	project, err := p.ask(ctx, projectID)
	if err != nil {
		return nil, err
	}
	e := projectEntry{project: project, until: p.clock.Now().Add(projectLife)}
	if project == nil {
		e.until = p.clock.Now().Add(unknownLife)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.generation == generation {
		p.cache.Set(projectID, e)
	}
	return project, nil
}
