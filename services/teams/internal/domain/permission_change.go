package domain

import (
	"maps"
	"slices"

	"vestibule.dev/pkg/apierr"
)

// Defaults are the permissions that people get without being granted them one by
// one, as the configuration names them.
type Defaults struct {
	TeamCreator, TeamMember, SignUp []string
}

// PermissionChange is what a change of the definitions comes to.
type PermissionChange struct {
	// Definitions are all there are from now on, without system permissions.
	Definitions []Definition
	// Defaults is nil when they stay as they are.
	Defaults *Defaults
	// Ended is the id that ceases to mean what it meant; empty for none.
	Ended string
	// Renamed is what the ended permission is called from now on; empty when it
	// is deleted.
	Renamed string
}

// Create adds a definition (teams.md §6.3). It fails with
// PERMISSION_ID_ALREADY_EXISTS, in whatever scope, or
// CONTAINED_PERMISSION_NOT_FOUND. That nothing may contain itself, identity sees
// to: it holds for every way in which definitions are written.
func (p *Permissions) Create(definition Definition) (*PermissionChange, error) {
	if _, taken := p.definitions[definition.ID]; taken {
		return nil, apierr.PermissionIDAlreadyExists(definition.ID)
	}
	if err := p.checkContained(&definition, definition.ID); err != nil {
		return nil, err
	}
	definitions := p.custom()
	definitions[definition.ID] = definition
	return &PermissionChange{Definitions: inOrder(definitions)}, nil
}

// Update replaces the definition of an id, which it may rename. It fails with
// PERMISSION_NOT_FOUND, also for system permissions and for those of the other
// scope, and as Create does.
func (p *Permissions) Update(id string, definition Definition, defaults Defaults) (*PermissionChange, error) {
	definitions := p.custom()
	if before, ok := definitions[id]; !ok || before.Scope != definition.Scope {
		return nil, apierr.PermissionNotFound(id)
	}
	if _, taken := p.definitions[definition.ID]; taken && definition.ID != id {
		return nil, apierr.PermissionIDAlreadyExists(definition.ID)
	}
	if err := p.checkContained(&definition, definition.ID); err != nil {
		return nil, err
	}
	delete(definitions, id)
	definitions[definition.ID] = definition
	change := &PermissionChange{}
	if definition.ID != id {
		change.Ended, change.Renamed = id, definition.ID
		replaceEverywhere(definitions, id, definition.ID)
		change.Defaults = defaults.replace(id, definition.ID)
	}
	change.Definitions = inOrder(definitions)
	return change, nil
}

// Delete removes a definition, also from those that contain it. It fails with
// PERMISSION_NOT_FOUND.
func (p *Permissions) Delete(scope Scope, id string, defaults Defaults) (*PermissionChange, error) {
	definitions := p.custom()
	if before, ok := definitions[id]; !ok || before.Scope != scope {
		return nil, apierr.PermissionNotFound(id)
	}
	delete(definitions, id)
	replaceEverywhere(definitions, id, "")
	return &PermissionChange{Definitions: inOrder(definitions), Defaults: defaults.replace(id, ""), Ended: id}, nil
}

// checkContained refuses contained permissions that do not exist in the scope,
// puts the others in permission order and takes doubles out. The definition may
// name itself by the id it is going to have.
func (p *Permissions) checkContained(definition *Definition, itself string) error {
	for _, id := range definition.Contains {
		other, ok := p.definitions[id]
		if id != itself && (!ok || other.Scope != definition.Scope) {
			return apierr.ContainedPermissionNotFound(id)
		}
	}
	contained := slices.Clone(definition.Contains)
	slices.SortFunc(contained, ComparePermissionIDs)
	definition.Contains = slices.Compact(contained)
	return nil
}

// custom returns a copy of the definitions that can be changed.
func (p *Permissions) custom() map[string]Definition {
	definitions := maps.Clone(p.definitions)
	for id := range systemPermissions {
		delete(definitions, id)
	}
	return definitions
}

func inOrder(definitions map[string]Definition) []Definition {
	return slices.SortedFunc(maps.Values(definitions), func(a, b Definition) int { return ComparePermissionIDs(a.ID, b.ID) })
}

// replaceEverywhere puts another id where one is contained, or none if it is
// empty.
func replaceEverywhere(definitions map[string]Definition, from, to string) {
	for id, definition := range definitions {
		if slices.Contains(definition.Contains, from) {
			definition.Contains = replaced(definition.Contains, from, to)
			definitions[id] = definition
		}
	}
}

// replace returns the defaults with another id in the place of one, or without
// it; nil when they do not name it.
func (d Defaults) replace(from, to string) *Defaults {
	named := slices.Concat(d.TeamCreator, d.TeamMember, d.SignUp)
	if !slices.Contains(named, from) {
		return nil
	}
	return &Defaults{
		TeamCreator: replaced(d.TeamCreator, from, to),
		TeamMember:  replaced(d.TeamMember, from, to),
		SignUp:      replaced(d.SignUp, from, to),
	}
}

// replaced returns the ids in permission order with another in the place of one.
func replaced(ids []string, from, to string) []string {
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		switch {
		case id != from:
			out = append(out, id)
		case to != "":
			out = append(out, to)
		}
	}
	slices.SortFunc(out, ComparePermissionIDs)
	return slices.Compact(out)
}
