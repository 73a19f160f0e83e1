package domain

import "vestibule.dev/services/identity/internal/domain/config"

// MaxRenderedConfiguration bounds a rendered configuration, in bytes of JSON: it
// must fit into one message between services.
const MaxRenderedConfiguration = 15 << 20

// ConfiguredProject is a project with what was written into the configuration
// of one of its branches.
type ConfiguredProject struct {
	Project
	Overrides
}

// Overrides are the three levels of a branch's configuration.
type Overrides struct {
	BranchID string

	AllBranches config.Document
	Branch      config.Document
	Environment config.Document
	// Source is where the branch level was pushed from.
	Source config.Source

	// Dropped names what was stored once and has no meaning any more.
	Dropped []string
}

// At returns the document of a level.
func (o *Overrides) At(level config.Level) config.Document {
	switch level {
	case config.Project:
		return o.AllBranches
	case config.Branch:
		return o.Branch
	default:
		return o.Environment
	}
}

// Set replaces the document of its level.
func (o *Overrides) Set(level config.Level, document config.Document) {
	switch level {
	case config.Project:
		o.AllBranches = document
	case config.Branch:
		o.Branch = document
	default:
		o.Environment = document
	}
}

// Render returns the complete configuration.
func (o *Overrides) Render() config.Rendered {
	return config.Render(o.AllBranches, o.Branch, o.Environment, config.StandardBuiltIns())
}
