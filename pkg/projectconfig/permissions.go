package projectconfig

import "slices"

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
