package domain

import (
	"regexp"
	"slices"
	"time"

	"vestibule.dev/pkg/ids"
)

// InternalProject is the project whose users operate all projects and whose
// teams own them.
const InternalProject = "internal"

// MainBranch is the branch that every project has, and so far the only one.
const MainBranch = "main"

// ProjectLogos is the folder of the logos of projects.
const ProjectLogos = "project-logos"

// OnboardingCompleted is the onboarding status of a project that is set up.
const OnboardingCompleted = "completed"

// Project is a project apart from its configuration and keys.
type Project struct {
	// ID is a UUID or InternalProject.
	ID               string
	DisplayName      string
	Description      string
	Logos            Logos
	IsProductionMode bool
	// OwnerTeamID is a team of InternalProject; nil when nobody administers
	// the project but by its keys.
	OwnerTeamID      *string
	OnboardingStatus string
	// Version grows with every change of the project, its configuration or its
	// keys.
	Version   int64
	CreatedAt time.Time
}

// LogoKind says where a logo is shown.
type LogoKind int

// Kinds of logos.
const (
	Logo LogoKind = iota
	FullLogo
	DarkModeLogo
	FullDarkModeLogo
	LogoKinds
)

// Logos are the URLs of a project's logos; nil where there is none.
type Logos [LogoKinds]*string

// Value returns the URL of a logo, or "".
func (l Logos) Value(kind LogoKind) string {
	if l[kind] == nil {
		return ""
	}
	return *l[kind]
}

var uploadedImage = regexp.MustCompile(`/images/` + ProjectLogos + `/([0-9a-f-]{36})\.[a-z]+$`)

// Uploads lists the ids of the logos that were uploaded. A URL of somebody else
// may look like an upload, so the list may hold ids that do not exist.
func (l Logos) Uploads() []string {
	uploads := []string{}
	for _, url := range l {
		if url == nil {
			continue
		}
		match := uploadedImage.FindStringSubmatch(*url)
		if match != nil && ids.ValidUUID(match[1]) && !slices.Contains(uploads, match[1]) {
			uploads = append(uploads, match[1])
		}
	}
	return uploads
}
