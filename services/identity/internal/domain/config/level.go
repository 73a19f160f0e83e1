package config

// Level names the document an override is stored in.
type Level string

// The three levels, in the order in which they are applied.
const (
	// Project overrides hold for all branches of a project.
	Project Level = "project"
	// Branch overrides are pushed from code.
	Branch Level = "branch"
	// Environment overrides are made by operators and win over branch ones.
	Environment Level = "environment"
)

// ParseLevel turns the level of a request path into a Level.
func ParseLevel(name string) (Level, bool) {
	switch level := Level(name); level {
	case Project, Branch, Environment:
		return level, true
	}
	return "", false
}

// levelSet says in which documents a key may stand.
type levelSet uint8

const (
	atProject levelSet = 1 << iota
	atBranch
	atEnvironment
)

// allowedAt returns where a key of level l may be written: branch keys may
// also be set per environment.
func allowedAt(l Level) levelSet {
	switch l {
	case Project:
		return atProject
	case Branch:
		return atBranch | atEnvironment
	case Environment:
		return atEnvironment
	}
	return 0
}

// document returns the set that holds just the document of level l.
func (l Level) document() levelSet {
	switch l {
	case Project:
		return atProject
	case Branch:
		return atBranch
	case Environment:
		return atEnvironment
	}
	return 0
}

// names phrases the set for an error sentence.
func (s levelSet) names() string {
	switch s {
	case atProject:
		return "project level"
	case atEnvironment:
		return "environment level"
	case atBranch | atEnvironment:
		return "branch or environment level"
	}
	return "level it belongs to"
}
