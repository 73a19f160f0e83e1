package clients

import (
	"context"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"
	"google.golang.org/grpc"

	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/sessions/internal/domain"
)

const (
	// projectLife bounds how long a revoked key may go unnoticed when the
	// message about it was lost.
	projectLife = 10 * time.Second
	// unknownLife is shorter: a project that was asked for before it existed
	// should not seem to be missing for long.
	unknownLife = 2 * time.Second
	// maxProjects bounds the cache; a project takes about half a kilobyte.
	maxProjects = 10_000
)

// Projects implements app.Projects over identity and remembers the answers for
// seconds. It is safe for concurrent use.
type Projects struct {
	client   identityv1.ProjectInternalServiceClient
	projects *otter.Cache[string, *domain.Project]
}

// NewProjects returns Projects over a connection to identity.
func NewProjects(identity grpc.ClientConnInterface) (*Projects, error) {
	projects, err := otter.New(&otter.Options[string, *domain.Project]{
		MaximumSize: maxProjects,
		ExpiryCalculator: otter.ExpiryCreatingFunc(func(entry otter.Entry[string, *domain.Project]) time.Duration {
			if entry.Value == nil {
				return unknownLife
			}
			return projectLife
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("project cache: %w", err)
	}
	return &Projects{client: identityv1.NewProjectInternalServiceClient(identity), projects: projects}, nil
}

// Project implements app.Projects.
func (p *Projects) Project(ctx context.Context, id string) (*domain.Project, error) {
	return p.projects.Get(ctx, id, otter.LoaderFunc[string, *domain.Project](p.load))
}

// Forget drops a project that has changed.
func (p *Projects) Forget(id string) { p.projects.Invalidate(id) }

func (p *Projects) load(ctx context.Context, id string) (*domain.Project, error) {
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
