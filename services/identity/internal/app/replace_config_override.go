package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// ReplaceConfigOverride replaces the document stored at the level. The source,
// decoded JSON or nil, says where a document of level branch was pushed from and
// is required there; the other levels keep none.
func (a *App) ReplaceConfigOverride(ctx context.Context, level config.Level, text string, source map[string]any) error {
	tenant, err := overrideRequest(ctx, level)
	if err != nil {
		return err
	}
	var pushedFrom config.Source
	switch {
	case source != nil:
		var problems []string
		if pushedFrom, problems = config.ParseSource(source); problems != nil {
			return apierr.SchemaError(problems...)
		}
	case level == config.Branch:
		return apierr.Text(http.StatusBadRequest, "The branch level needs a source that says where it was pushed from.")
	}
	document, err := config.ParseDocument(level, text)
	if err != nil {
		return err
	}
	_, err = a.changeProject(ctx, tenant, func(ctx context.Context, tx Tx, project *domain.ConfiguredProject) ([]Event, error) {
		return saveOverride(ctx, tx, tenant, project, document, pushedFrom)
	})
	return err
}
