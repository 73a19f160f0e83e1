package projectconfig

import (
	"maps"
	"slices"
)

// Scopes of permissions.
const (
	ScopeTeam    = "team"
	ScopeProject = "project"
)

// SystemPermissions are the permissions that every project has, in team scope.
// The platform itself asks for them.
func SystemPermissions() []string {
	return []string{"$delete_team", "$invite_members", "$manage_api_keys", "$read_members", "$remove_members", "$update_team"}
}

// ScopeOf returns the scope of a permission; found is false when it is not
// defined.
func (r RBAC) ScopeOf(id string) (scope string, found bool) {
	if slices.Contains(SystemPermissions(), id) {
		return ScopeTeam, true
	}
	permission, found := r.Permissions[id]
	return permission.Scope, found
}

// Defined returns the ids of the set that are permissions of the scope, in
// ascending order.
func (r RBAC) Defined(scope string, set IDSet) []string {
	return slices.DeleteFunc(set.Sorted(), func(id string) bool {
		actual, found := r.ScopeOf(id)
		return !found || actual != scope
	})
}

// CycleSince returns permissions that contain each other in a circle, each the
// next one and the last the first, by a containment that there was not before;
// nil when there are none. Circles that were stored before anybody refused them
// are not looked for: they harm nobody, because closures end nevertheless, and
// must not keep other changes out.
//
// It looks at every containment once.
func (r RBAC) CycleSince(before RBAC) []string {
	circles := r.circles()
	for _, id := range slices.Sorted(maps.Keys(circles)) {
		for _, contained := range r.contained(id) {
			if circles[id] == circles[contained] && !slices.Contains(before.contained(id), contained) {
				return r.path(contained, id)
			}
		}
	}
	return nil
}

// contained are the permissions that one contains directly and that mean
// something there, in ascending order: they are defined in the same scope.
func (r RBAC) contained(id string) []string {
	permission, found := r.Permissions[id]
	if !found || slices.Contains(SystemPermissions(), id) {
		return nil
	}
	return slices.DeleteFunc(permission.ContainedPermissionIDs.Sorted(), func(contained string) bool {
		other, found := r.Permissions[contained]
		return !found || other.Scope != permission.Scope
	})
}

// circles gives permissions the same number when each contains the other,
// directly or not (Tarjan, Depth-First Search and Linear Graph Algorithms).
func (r RBAC) circles() map[string]int {
	var (
		circle = make(map[string]int, len(r.Permissions))
		seen   = make(map[string]int, len(r.Permissions))
		open   []string
		visit  func(id string) (oldest int)
	)
	visit = func(id string) int {
		place, oldest, start := len(seen), len(seen), len(open)
		seen[id] = place
		open = append(open, id)
		for _, contained := range r.contained(id) {
			if _, done := circle[contained]; done {
				continue
			}
			if at, visited := seen[contained]; visited {
				oldest = min(oldest, at)
			} else {
				oldest = min(oldest, visit(contained))
			}
		}
		if oldest == place {
			for _, member := range open[start:] {
				circle[member] = place
			}
			open = open[:start]
		}
		return oldest
	}
	for id := range r.Permissions {
		if _, visited := seen[id]; !visited {
			visit(id)
		}
	}
	return circle
}

// path is a shortest way from one permission to another, both included, each the
// container of the next.
func (r RBAC) path(from, to string) []string {
	cameFrom := map[string]string{from: ""}
	for waiting := []string{from}; len(waiting) > 0; waiting = waiting[1:] {
		if waiting[0] == to {
			break
		}
		for _, contained := range r.contained(waiting[0]) {
			if _, visited := cameFrom[contained]; !visited {
				cameFrom[contained] = waiting[0]
				waiting = append(waiting, contained)
			}
		}
	}
	var path []string
	for id := to; id != ""; id = cameFrom[id] {
		path = append(path, id)
	}
	slices.Reverse(path)
	return path
}
