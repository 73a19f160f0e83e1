package ids

// Tenant names whose rows are meant: the project and its branch. Every key and
// every query begins with it.
type Tenant struct {
	// ProjectID is a UUID or the literal internal.
	ProjectID string
	BranchID  string
}
