package service

import (
	"context"
	"fmt"
	"time"

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
	b.LookUp = func(ctx context.Context, id string) (*grpcx.Project, error) {
		project, err := projects.Get(ctx, id)
		if err != nil {
			return nil, apierr.Unavailable(time.Second).WithCause(err)
		}
		return project, nil
	}
	p.group.Add(runner.Workers, "project changes for backends", func(ctx context.Context) error {
		return p.Bus.SubscribeCore(ctx, ProjectChanged, func(id []byte) { projects.Drop(string(id)) })
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

// newProjects remembers for seconds what identity says.
func newProjects(ask grpcx.ProjectLookup, c clock.Clock) *cache.Lookup[grpcx.Project] {
	return cache.NewLookup(cache.LookupOptions[grpcx.Project]{
		Ask: ask, Timeout: lookUpTimeout, Life: projectLife, MaxEntries: projectsCached, Clock: c,
	})
}
