package projectconfig_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"vestibule.dev/pkg/projectconfig"
)

// permissions of team scope and what they contain.
func permissions(contained map[string][]string) projectconfig.RBAC {
	rbac := projectconfig.RBAC{Permissions: map[string]projectconfig.Permission{}}
	for id, list := range contained {
		set := projectconfig.IDSet{}
		for _, other := range list {
			set[other] = true
		}
		rbac.Permissions[id] = projectconfig.Permission{Scope: projectconfig.ScopeTeam, ContainedPermissionIDs: set}
	}
	return rbac
}

func TestCycleSince_newCircles_areNamed(t *testing.T) {
	stored := permissions(map[string][]string{"old": {"older"}, "older": {"old"}, "a": {"b", "gone"}, "b": {"c"}, "c": nil})
	for name, tt := range map[string]struct {
		after map[string][]string
		want  []string
	}{
		"nothing new":              {map[string][]string{"old": {"older"}, "older": {"old"}, "a": {"b"}, "b": {"c"}, "c": nil}, nil},
		"more, without a circle":   {map[string][]string{"old": {"older", "a"}, "older": {"old"}, "a": {"b", "c"}, "b": {"c"}, "c": nil}, nil},
		"itself":                   {map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"c"}}, []string{"c"}},
		"through others":           {map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"a"}}, []string{"a", "b", "c"}},
		"what was missing":         {map[string][]string{"a": {"b", "gone"}, "b": {"c"}, "c": nil, "gone": {"a"}}, []string{"gone", "a"}},
		"wider than what is there": {map[string][]string{"old": {"older"}, "older": {"old", "a"}, "a": {"old"}}, []string{"old", "older", "a"}},
		"of a system permission":   {map[string][]string{"$update_team": {"a"}, "a": {"$update_team"}}, nil},
	} {
		if got := permissions(tt.after).CycleSince(stored); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	other := permissions(map[string][]string{"a": {"b"}, "b": {"a"}})
	b := other.Permissions["b"]
	b.Scope = projectconfig.ScopeProject
	other.Permissions["b"] = b
	if got := other.CycleSince(projectconfig.RBAC{}); got != nil {
		t.Errorf("across scopes nothing is contained, but there is the circle %q", got)
	}
}

// reaches grows the set of what is contained until it stays the same.
func reaches(edges map[string][]string, from, to string) bool {
	held := map[string]bool{}
	for _, id := range edges[from] {
		held[id] = true
	}
	for before := -1; before != len(held); {
		before = len(held)
		for id := range maps.Clone(held) {
			for _, contained := range edges[id] {
				held[contained] = true
			}
		}
	}
	return held[to]
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

// R5: of the containments that are asked for one after the other, those are
// refused after which something would contain itself, and no others.
func TestCycleSince_arbitraryGraphs_matchModel(t *testing.T) {
	checkMany(t)
	refused, accepted := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 7).Draw(t, "size")
		id := rapid.Map(rapid.IntRange(0, size-1), func(i int) string { return fmt.Sprintf("p%d", i) })
		edges := map[string][]string{}
		for i := range size {
			edges[fmt.Sprintf("p%d", i)] = nil
		}
		for range rapid.IntRange(1, 12).Draw(t, "containments") {
			container, contained := id.Draw(t, "container"), id.Draw(t, "contained")
			before := permissions(edges)
			wanted := maps.Clone(edges)
			wanted[container] = append(slices.Clone(edges[container]), contained)
			cycle := permissions(wanted).CycleSince(before)
			if want := reaches(wanted, container, container); (cycle != nil) != want {
				t.Fatalf("%s contains %s: circle %q, want one: %v", container, contained, cycle, want)
			}
			if cycle == nil {
				edges = wanted
				accepted++
				continue
			}
			refused++
			for i, member := range cycle {
				if next := cycle[(i+1)%len(cycle)]; !slices.Contains(wanted[member], next) {
					t.Fatalf("%q is no circle: %s does not contain %s", cycle, member, next)
				}
			}
		}
	})
	t.Logf("%d containments accepted, %d refused", accepted, refused)
}
