package app

import (
	"context"
	"errors"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/sessions/internal/domain"
)

// GetJWKS returns the keys that verify a project's access tokens, two per kind
// of users (auth.md §2.4). An unknown project is a plain-text 404.
func (a *App) GetJWKS(ctx context.Context, projectID string, kinds ...domain.Kind) ([]domain.PublicKey, error) {
	notFound := apierr.Text(http.StatusNotFound, "There is no such project.")
	if !domain.ValidProjectID(projectID) {
		return nil, notFound
	}
	keys := make([]domain.PublicKey, 0, 2*len(kinds))
	for _, kind := range kinds {
		published, err := a.publishedKeys(ctx, domain.Audience{ProjectID: projectID, Kind: kind})
		if errors.Is(err, apierr.ProjectNotFound(projectID)) {
			return nil, notFound
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, published...)
	}
	return keys, nil
}
