package domain

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Scope says where a permission is held: in one team or in the whole project.
type Scope string

// The two scopes. They share one namespace of ids.
const (
	TeamScope    Scope = "team"
	ProjectScope Scope = "project"
)

// System permissions, which every project has in team scope and nobody can
// edit (teams.md §6.1).
const (
	UpdateTeam    = "$update_team"
	DeleteTeam    = "$delete_team"
	ReadMembers   = "$read_members"
	RemoveMembers = "$remove_members"
	InviteMembers = "$invite_members"
	ManageAPIKeys = "$manage_api_keys"
)

var systemPermissions = map[string]string{
	UpdateTeam:    "Update the team's name, image and metadata",
	DeleteTeam:    "Delete the team",
	ReadMembers:   "See the other members of the team",
	RemoveMembers: "Remove other members from the team",
	InviteMembers: "Invite people to the team",
	ManageAPIKeys: "Create, change and revoke the team's API keys",
}

// Definition is one permission: what it is held in and what else it includes.
type Definition struct {
	ID string
	// Description is nil when there is none.
	Description *string
	Scope       Scope
	// Contains are the ids of permissions that whoever holds this one holds
	// too. They may name permissions that do not exist and, where they were
	// written before that was refused, form cycles.
	Contains []string
}

// Permissions are the permission definitions of a project at one version of its
// configuration. They are shared between requests and never change.
type Permissions struct {
	definitions map[string]Definition
	// containers are the permissions that contain one directly, by its id.
	containers map[string][]string
	// system holds the answers of Granting for the system permissions, which
	// every request asks for.
	system map[string]map[string]struct{}
}

// NewPermissions returns the permissions of a project: those defined and the
// system ones.
func NewPermissions(definitions ...Definition) *Permissions {
	p := &Permissions{
		definitions: make(map[string]Definition, len(definitions)+len(systemPermissions)),
		containers:  map[string][]string{},
		system:      make(map[string]map[string]struct{}, len(systemPermissions)),
	}
	for _, definition := range definitions {
		p.definitions[definition.ID] = definition
	}
	for id, description := range systemPermissions {
		p.definitions[id] = Definition{ID: id, Description: &description, Scope: TeamScope}
	}
	for id, definition := range p.definitions {
		for _, contained := range definition.Contains {
			if other, ok := p.definitions[contained]; ok && other.Scope == definition.Scope {
				p.containers[contained] = append(p.containers[contained], id)
			}
		}
	}
	for id := range systemPermissions {
		p.system[id] = p.granting(id)
	}
	return p
}

// IsSystemPermission reports whether the id is one of the six.
func IsSystemPermission(id string) bool {
	_, ok := systemPermissions[id]
	return ok
}

// Lookup returns a definition, also a system one.
func (p *Permissions) Lookup(id string) (Definition, bool) {
	definition, ok := p.definitions[id]
	return definition, ok
}

// InScope lists the definitions of a scope in permission order.
func (p *Permissions) InScope(scope Scope) []Definition {
	var found []Definition
	for _, definition := range p.definitions {
		if definition.Scope == scope {
			found = append(found, definition)
		}
	}
	slices.SortFunc(found, func(a, b Definition) int { return ComparePermissionIDs(a.ID, b.ID) })
	return found
}

// Closure returns every permission of the scope that whoever was granted the
// ids holds, in permission order. Ids without a definition in the scope count
// for nothing.
func (p *Permissions) Closure(scope Scope, granted ...string) []string {
	held := map[string]struct{}{}
	waiting := slices.Clone(granted)
	for len(waiting) > 0 {
		id := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		definition, ok := p.definitions[id]
		if !ok || definition.Scope != scope {
			continue
		}
		if _, seen := held[id]; seen {
			continue
		}
		held[id] = struct{}{}
		waiting = append(waiting, definition.Contains...)
	}
	return slices.SortedFunc(maps.Keys(held), ComparePermissionIDs)
}

// Direct returns those of the granted ids that are defined in the scope, in
// permission order.
func (p *Permissions) Direct(scope Scope, granted ...string) []string {
	defined := slices.DeleteFunc(slices.Clone(granted), func(id string) bool {
		definition, ok := p.definitions[id]
		return !ok || definition.Scope != scope
	})
	slices.SortFunc(defined, ComparePermissionIDs)
	return slices.Compact(defined)
}

// Allow reports whether one of the granted ids is the permission or contains
// it, directly or not.
func (p *Permissions) Allow(id string, granted ...string) bool {
	granting, ok := p.system[id]
	if !ok {
		granting = p.granting(id)
	}
	return slices.ContainsFunc(granted, func(grant string) bool {
		_, ok := granting[grant]
		return ok
	})
}

// granting finds everything whose grant amounts to the permission.
func (p *Permissions) granting(id string) map[string]struct{} {
	found := map[string]struct{}{}
	if _, ok := p.definitions[id]; !ok {
		return found
	}
	waiting := []string{id}
	for len(waiting) > 0 {
		id := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		if _, seen := found[id]; seen {
			continue
		}
		found[id] = struct{}{}
		waiting = append(waiting, p.containers[id]...)
	}
	return found
}

// ComparePermissionIDs is the permission order: by code unit of the upper-cased
// text, and lower case first where that is equal (teams.md §6.1).
func ComparePermissionIDs(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToUpper(a), strings.ToUpper(b)), strings.Compare(b, a))
}
