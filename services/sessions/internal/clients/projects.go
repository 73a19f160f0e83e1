package clients

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/cache"
	"vestibule.dev/pkg/clock"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/sessions/internal/domain"
)

const (
	// projectLife bounds how long a revoked key may go unnoticed when the
	// message about it was lost.
	projectLife = 10 * time.Second
	// maxProjects bounds the cache; a project takes about half a kilobyte.
	maxProjects = 10_000
	askTimeout  = 3 * time.Second
)

// Projects implements app.Projects over identity and remembers the answers for
// seconds. It is safe for concurrent use.
type Projects struct {
	client identityv1.ProjectInternalServiceClient
	known  *cache.Lookup[domain.Project] // nil for an unknown project
}

// NewProjects returns Projects over a connection to identity.
func NewProjects(identity grpc.ClientConnInterface, c clock.Clock) *Projects {
	p := &Projects{client: identityv1.NewProjectInternalServiceClient(identity)}
	p.known = cache.NewLookup(cache.LookupOptions[domain.Project]{
		Ask: p.ask, Timeout: askTimeout, Life: projectLife, MaxEntries: maxProjects, Clock: c,
	})
	return p
}

// Project implements app.Projects.
func (p *Projects) Project(ctx context.Context, id string) (*domain.Project, error) {
	return p.known.Get(ctx, id)
}

// Forget drops a project that has changed.
func (p *Projects) Forget(id string) { p.known.Drop(id) }

func (p *Projects) ask(ctx context.Context, id string) (*domain.Project, error) {
	res, err := p.client.GetProjectAccess(ctx, &identityv1.GetProjectAccessRequest{ProjectId: id})
	if err != nil || !res.GetFound() {
		return nil, err
	}
	project := &domain.Project{
		ID:                          res.GetProjectId(),
		RequirePublishableClientKey: res.GetRequirePublishableClientKey(),
		Branches:                    res.GetBranches(),
	}
	for _, set := range res.GetKeySets() {
		key := domain.PublishableKey{Hash: set.GetPublishableClientKeyHash()}
		if set.GetExpiresAt() != nil {
			key.ExpiresAt = set.GetExpiresAt().AsTime()
		}
		project.Keys = append(project.Keys, key)
	}
	return project, nil
}
