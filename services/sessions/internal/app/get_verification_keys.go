package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/sessions/internal/domain"
)

// GetVerificationKeys returns the published keys of the audience an access
// token names. It fails with PROJECT_NOT_FOUND.
func (a *App) GetVerificationKeys(ctx context.Context, audience string) ([]domain.PublicKey, error) {
	parsed, ok := domain.ParseAudience(audience)
	if !ok {
		return nil, apierr.ProjectNotFound(audience)
	}
	return a.publishedKeys(ctx, parsed)
}
