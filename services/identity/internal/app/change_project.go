package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// projectRequest reads who is calling for which branch of which project,
// without its configuration.
func projectRequest(ctx context.Context) (principal.Principal, ids.Tenant, error) {
	caller, ok := principal.FromContext(ctx)
	if !ok || caller.ProjectID == "" {
		return principal.Principal{}, ids.Tenant{}, apierr.AccessTypeRequired()
	}
	return caller, ids.Tenant{ProjectID: caller.ProjectID, BranchID: caller.BranchID}, nil
}

// projectChange changes a locked project: it writes what lives in other rows
// through tx, sets the fields of project, which are written afterwards, and
// returns what happened. Nothing happened when it returns no events. The
// project has the version that the change brings about.
type projectChange func(ctx context.Context, tx Tx, project *domain.ConfiguredProject) ([]Event, error)

// changeProject makes one change of a project, its configuration or its keys:
// after any other, in one transaction with the version it raises and the events
// that tell of it. Once it returns, no request is served by what was before,
// because the edge asks for the new version. It fails with
// CURRENT_PROJECT_NOT_FOUND.
func (a *App) changeProject(ctx context.Context, tenant ids.Tenant, change projectChange) (*domain.ConfiguredProject, error) {
	var (
		project *domain.ConfiguredProject
		changed bool
	)
	err := a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		var err error
		if project, err = tx.LockProject(ctx, tenant); err != nil {
			return err
		}
		if project == nil {
			return apierr.CurrentProjectNotFound(tenant.ProjectID)
		}
		changed = false
		before := project.Version
		project.Version++
		events, err := change(ctx, tx, project)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			project.Version = before
			return nil
		}
		if err := tx.UpdateProject(ctx, &project.Project); err != nil {
			return err
		}
		changed = true
		return tx.Emit(ctx, events...)
	})
	if err != nil {
		return nil, err
	}
	if changed {
		a.announce(tenant.ProjectID)
	}
	return project, nil
}

// saveOverride replaces the document of one level.
func saveOverride(ctx context.Context, tx Tx, tenant ids.Tenant, project *domain.ConfiguredProject, document config.Document, source config.Source) ([]Event, error) {
	level := document.Level()
	if err := document.CheckSize(); err != nil {
		return nil, err
	}
	before := project.Render()
	project.Set(level, document)
	if level == config.Branch {
		project.Source = source
	}
	after := project.Render()
	if len(after.JSON()) > domain.MaxRenderedConfiguration {
		return nil, errConfigurationTooLarge()
	}
	if err := checkPermissions(before, after); err != nil {
		return nil, err
	}
	if err := tx.SaveOverride(ctx, tenant, document, source); err != nil {
		return nil, err
	}
	event := ProjectConfigChanged{ProjectID: project.ID, BranchID: tenant.BranchID, Level: level, Version: project.Version}
	if level == config.Project {
		event.BranchID = ""
	}
	return []Event{event}, nil
}

// checkPermissions refuses permissions that contain themselves from now on,
// directly or through others. Every way to define permissions comes by here.
func checkPermissions(before, after config.Rendered) error {
	definitions := [2][]byte{before.Permissions(), after.Permissions()}
	if bytes.Equal(definitions[0], definitions[1]) {
		return nil
	}
	var graphs [2]projectconfig.RBAC
	for i, text := range definitions {
		if err := json.Unmarshal(text, &graphs[i].Permissions); err != nil {
			return fmt.Errorf("read rendered permissions: %w", err)
		}
	}
	cycle := graphs[1].CycleSince(graphs[0])
	if cycle == nil {
		return nil
	}
	if shown := 10; len(cycle) > shown {
		cycle = slices.Concat(cycle[:shown-1], []string{"…", cycle[len(cycle)-1]})
	}
	return apierr.Text(http.StatusBadRequest, fmt.Sprintf(
		"The permission %s would contain itself: %s, %[1]s.", cycle[0], strings.Join(cycle, ", ")))
}
