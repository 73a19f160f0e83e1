package app

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// maxDefinitionPage is the largest page of a list of permissions.
const maxDefinitionPage = 200

// DefinitionFilter says which permissions of a scope are listed, and which page
// of them.
type DefinitionFilter struct {
	Scope domain.Scope
	// Query is part of an id or a description in any case; empty for all.
	Query string
	// Cursor is the first permission of the page; empty for the first page. If it
	// is gone, the page begins with what comes after it.
	Cursor string
	// Limit is the size of a page; 0 for all permissions.
	Limit int
}

// DefinitionPage is a list of permissions.
type DefinitionPage struct {
	Definitions []domain.Definition
	// Paginated says that the list has pages of a limited size.
	Paginated bool
	// NextCursor is the first permission of the next page; nil on the last.
	NextCursor *string
}

// ListPermissionDefinitions lists the permissions of a scope in permission
// order, system permissions among them (teams.md §6.3). The pages are those that
// SDKs ask for.
func (a *App) ListPermissionDefinitions(ctx context.Context, filter DefinitionFilter) (*DefinitionPage, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if filter.Cursor != "" && filter.Limit == 0 {
		return nil, apierr.SchemaError("query.cursor: needs a limit")
	}
	query := strings.ToLower(filter.Query)
	page := &DefinitionPage{Paginated: filter.Limit > 0}
	page.Definitions = slices.DeleteFunc(req.project.Permissions.InScope(filter.Scope), func(d domain.Definition) bool {
		matches := strings.Contains(strings.ToLower(d.ID), query) || d.Description != nil && strings.Contains(strings.ToLower(*d.Description), query)
		return !matches || filter.Cursor != "" && domain.ComparePermissionIDs(d.ID, filter.Cursor) < 0
	})
	if size := min(filter.Limit, maxDefinitionPage); page.Paginated && len(page.Definitions) > size {
		page.NextCursor = &page.Definitions[size].ID
		page.Definitions = page.Definitions[:size]
	}
	return page, nil
}

// CreatePermissionDefinition defines a permission.
func (a *App) CreatePermissionDefinition(ctx context.Context, definition domain.Definition) (*domain.Definition, error) {
	return a.definePermission(ctx, definition.ID, func(project *Project) (*domain.PermissionChange, error) {
		return project.Permissions.Create(definition)
	})
}

// UpdatePermissionDefinition replaces the definition of a permission. Another id
// renames it wherever it is contained, granted or a default.
func (a *App) UpdatePermissionDefinition(ctx context.Context, permissionID string, definition domain.Definition) (*domain.Definition, error) {
	return a.definePermission(ctx, definition.ID, func(project *Project) (*domain.PermissionChange, error) {
		return project.Permissions.Update(permissionID, definition, defaultsOf(project))
	})
}

// DeletePermissionDefinition removes a permission wherever it is contained,
// granted or a default.
func (a *App) DeletePermissionDefinition(ctx context.Context, scope domain.Scope, permissionID string) error {
	return a.changePermissions(ctx, func(project *Project) (*domain.PermissionChange, error) {
		return project.Permissions.Delete(scope, permissionID, defaultsOf(project))
	})
}

// definePermission changes the definitions and returns one of the result.
func (a *App) definePermission(ctx context.Context, id string, change func(*Project) (*domain.PermissionChange, error)) (*domain.Definition, error) {
	var defined domain.Definition
	err := a.changePermissions(ctx, func(project *Project) (*domain.PermissionChange, error) {
		changed, err := change(project)
		if err == nil {
			defined, _ = domain.NewPermissions(changed.Definitions...).Lookup(id)
		}
		return changed, err
	})
	if err != nil {
		return nil, err
	}
	return &defined, nil
}

// changePermissions makes one change of the definitions, which are part of the
// configuration that identity keeps. It is worked out on the version that was
// read and written if that is still the newest, else worked out anew: each round
// that is lost was won by another change.
//
// Grants of a permission that ends mean nothing from that moment on. They are
// tidied up at once and, if that fails, by the event of the change.
func (a *App) changePermissions(ctx context.Context, change func(*Project) (*domain.PermissionChange, error)) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	for project := req.project; ; {
		changed, err := change(project)
		if err != nil {
			return err
		}
		version, replaced, err := a.projects.ReplacePermissions(ctx, req.tenant, project.Version, changed)
		if err != nil {
			return err
		}
		if replaced {
			a.tellEnd(ctx, req.tenant, PermissionEnd{PermissionID: changed.Ended, RenamedTo: changed.Renamed, Version: version})
			return nil
		}
		if project, err = a.projects.Project(ctx, req.tenant, version); err != nil {
			return err
		}
	}
}

// PermissionEnd says that a permission ceased to mean what it meant.
type PermissionEnd struct {
	// PermissionID is empty when none did.
	PermissionID string
	// RenamedTo is empty when the permission was deleted.
	RenamedTo string
	// Version of the configuration that ended it.
	Version int64
}

func (a *App) tellEnd(ctx context.Context, tenant ids.Tenant, end PermissionEnd) {
	if err := a.EndPermission(ctx, tenant, end); err != nil {
		a.logger.WarnContext(ctx, "left to the event", slog.String("call", "end a permission"), slog.Any("error", err))
	}
}

// EndPermission ends the grants of a permission that has ended, or moves them to
// its new name. Grants made under a newer configuration stay. The request of the
// change and its event both ask for it, in any order and any number.
func (a *App) EndPermission(ctx context.Context, tenant ids.Tenant, end PermissionEnd) error {
	if end.PermissionID == "" {
		return nil
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		return tx.EndPermission(ctx, tenant, end)
	})
}

func defaultsOf(project *Project) domain.Defaults {
	defaults := project.RBAC.DefaultPermissions
	return domain.Defaults{
		TeamCreator: defaults.TeamCreator.Sorted(), TeamMember: defaults.TeamMember.Sorted(), SignUp: defaults.SignUp.Sorted(),
	}
}
