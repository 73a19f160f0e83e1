package domain

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestComparePermissionIDs_specialCharacters_comeInOrder(t *testing.T) {
	want := []string{"$read_members", "-x", "0", "9a", ":b", "a", "A", "ab", "b", "_a"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, ComparePermissionIDs)
	if !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}

func TestClosure_membersAndAdmins(t *testing.T) {
	p := NewPermissions(
		Definition{ID: "team_member", Scope: TeamScope, Contains: []string{ReadMembers, InviteMembers}},
		Definition{ID: "team_admin", Scope: TeamScope, Contains: []string{"team_member", UpdateTeam, "gone", "beta"}},
		Definition{ID: "beta", Scope: ProjectScope},
	)
	if got, want := p.Closure(TeamScope, "team_admin", "beta", "gone"), []string{
		InviteMembers, ReadMembers, UpdateTeam, "team_admin", "team_member",
	}; !slices.Equal(got, want) {
		t.Errorf("closure %q, want %q", got, want)
	}
	if got := p.Direct(TeamScope, "gone", "beta", "team_member", DeleteTeam); !slices.Equal(got, []string{DeleteTeam, "team_member"}) {
		t.Errorf("direct %q", got)
	}
	for permission, want := range map[string]bool{
		ReadMembers: true, "team_admin": true, DeleteTeam: false, "gone": false, "beta": false,
	} {
		if got := p.Allow(permission, "team_admin", "gone"); got != want {
			t.Errorf("an administrator may %s: %v", permission, got)
		}
	}
	if !p.Allow("beta", "beta") || p.Allow(ReadMembers) {
		t.Error("a grant allows itself alone, none allows nothing")
	}
}

func TestInScope_lists_systemPermissionsToo(t *testing.T) {
	p := NewPermissions(Definition{ID: "a", Scope: TeamScope}, Definition{ID: "b", Scope: ProjectScope})
	var listed []string
	for _, definition := range p.InScope(TeamScope) {
		listed = append(listed, definition.ID)
	}
	if want := []string{DeleteTeam, InviteMembers, ManageAPIKeys, ReadMembers, RemoveMembers, UpdateTeam, "a"}; !slices.Equal(listed, want) {
		t.Errorf("team scope %q", listed)
	}
	if got := p.InScope(ProjectScope); len(got) != 1 || got[0].ID != "b" {
		t.Errorf("project scope %v", got)
	}
}

// naive holds the edges of a project's permissions and grows a set of them
// until it stays the same.
type naive []Definition

func (n naive) closure(scope Scope, granted []string) []string {
	byID := map[string]Definition{}
	for id := range systemPermissions {
		byID[id] = Definition{ID: id, Scope: TeamScope}
	}
	for _, definition := range n {
		byID[definition.ID] = definition
	}
	held := map[string]bool{}
	for _, id := range granted {
		if d, ok := byID[id]; ok && d.Scope == scope {
			held[id] = true
		}
	}
	for before := -1; before != len(held); {
		before = len(held)
		for id := range maps.Clone(held) {
			for _, contained := range byID[id].Contains {
				if d, ok := byID[contained]; ok && d.Scope == scope {
					held[contained] = true
				}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(held), ComparePermissionIDs)
}

// checkMany makes rapid try 10,000 graphs, unless more are asked for.
func checkMany(t *testing.T) {
	t.Helper()
	const graphs = 10_000
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	if n, err := strconv.Atoi(before); err != nil || n >= graphs {
		return
	}
	if err := checks.Value.Set(strconv.Itoa(graphs)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = checks.Value.Set(before) })
}

// R5: closures of arbitrary graphs, with cycles, dangling names and both
// scopes, are those of a naive model, and a check says the same as a list.
func TestClosure_arbitraryGraphs_matchModel(t *testing.T) {
	checkMany(t)
	rapid.Check(t, func(t *rapid.T) {
		names := []string{UpdateTeam, DeleteTeam, ReadMembers}
		size := rapid.IntRange(0, 12).Draw(t, "size")
		for i := range size + 2 { // two of them are never defined
			names = append(names, fmt.Sprintf("p%d", i))
		}
		anything := rapid.SampledFrom(names)
		var definitions naive
		for i := range size {
			definitions = append(definitions, Definition{
				ID:       fmt.Sprintf("p%d", i),
				Scope:    rapid.SampledFrom([]Scope{TeamScope, ProjectScope}).Draw(t, "scope"),
				Contains: rapid.SliceOfNDistinct(anything, 0, 4, rapid.ID).Draw(t, "contains"),
			})
		}
		granted := rapid.SliceOfN(anything, 0, 4).Draw(t, "granted")
		permissions := NewPermissions(definitions...)
		for _, scope := range []Scope{TeamScope, ProjectScope} {
			want := definitions.closure(scope, granted)
			if got := permissions.Closure(scope, granted...); !slices.Equal(got, want) {
				t.Fatalf("closure of %q in %s: %q, want %q", granted, scope, got, want)
			}
		}
		for _, asked := range names {
			definition, defined := permissions.Lookup(asked)
			want := defined && slices.Contains(definitions.closure(definition.Scope, granted), asked)
			if got := permissions.Allow(asked, granted...); got != want {
				t.Fatalf("%q allow %s: %v, want %v", granted, asked, got, want)
			}
		}
	})
}

// A check is a look into what was worked out when the configuration was read:
// in a graph of 200 permissions it takes no memory at all.
func TestAllow_graphOf200_allocatesNothing(t *testing.T) {
	var definitions []Definition
	for i := range 200 {
		definition := Definition{ID: fmt.Sprintf("p%d", i), Scope: TeamScope}
		for _, next := range []int{i + 1, 2*i + 1, 3*i + 2} {
			definition.Contains = append(definition.Contains, fmt.Sprintf("p%d", next)) // some are never defined
		}
		definitions = append(definitions, definition)
	}
	definitions[199].Contains = append(definitions[199].Contains, RemoveMembers)
	permissions := NewPermissions(definitions...)
	granted := []string{"gone", "p0"}
	if allocations := testing.AllocsPerRun(100, func() {
		if !permissions.Allow(RemoveMembers, granted...) || permissions.Allow(DeleteTeam, granted...) {
			t.Error("wrong")
		}
	}); allocations != 0 {
		t.Errorf("a check allocates %v times", allocations)
	}
	if held := permissions.Closure(TeamScope, granted...); len(held) != 201 {
		t.Errorf("%d permissions", len(held))
	}
}
