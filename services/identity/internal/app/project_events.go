package app

import "vestibule.dev/services/identity/internal/domain/config"

// ProjectCreated says that a project came into being.
type ProjectCreated struct {
	ProjectID string
	Version   int64
	// OwnerTeamID is empty when no team owns the project.
	OwnerTeamID string
}

// ProjectUpdated says that a project's own fields changed.
type ProjectUpdated struct {
	ProjectID string
	Version   int64
}

// ProjectDeleted says that a project is gone with everything in it.
type ProjectDeleted struct {
	ProjectID string
	Version   int64
}

// ProjectConfigChanged says that one level of a configuration changed.
type ProjectConfigChanged struct {
	ProjectID string
	// BranchID is empty when all branches are concerned.
	BranchID string
	Level    config.Level
	Version  int64
	// EndedPermissionID is a permission that ended with the change, and
	// RenamedPermissionID what it is called from now on; empty for none.
	EndedPermissionID, RenamedPermissionID string
}

// APIKeySetCreated says that a project got new keys.
type APIKeySetCreated struct {
	ProjectID string
	KeySetID  string
	// Version is that of the project.
	Version int64
}

// APIKeySetUpdated says that keys of a project were described anew or revoked.
type APIKeySetUpdated struct {
	ProjectID string
	KeySetID  string
	// Version is that of the project.
	Version int64
	Revoked bool
}

func (ProjectCreated) isEvent()       {}
func (ProjectUpdated) isEvent()       {}
func (ProjectDeleted) isEvent()       {}
func (ProjectConfigChanged) isEvent() {}
func (APIKeySetCreated) isEvent()     {}
func (APIKeySetUpdated) isEvent()     {}
